#include <gmock/gmock.h>

#include "unit/shell/session_fixture.hpp"

namespace charioteer::shell {
namespace {

using fakes::result_of;
using testing::HasSubstr;

TEST_F(SessionTest, SendsTheDataAsAComment) {
    auto append = [&] {
        return runtime_.start(session_->append("bytes", "/tmp/file", io::Deadline::never()));
    };
    auto appended = append();
    EXPECT_THAT(peer_.read_line(), HasSubstr("head -c 10 | "));
    EXPECT_EQ(peer_.read_line(), "#" + encode_base64("bytes"));
    peer_.send("#1~''\n#1:0 0\n");
    EXPECT_EQ(result_of(appended).status, 0);
    auto refused = append();
    peer_.send("#2~full\n#2:1 0\n");
    auto result = result_of(refused);
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.output, "full");
}

TEST_F(SessionTest, LineEndsCompleteAnAppendInASavedState) {
    std::string most(longest_append, 'x');
    auto appended = runtime_.start(session_->append(most, "/tmp/file", io::Deadline::never()));
    peer_.read_line();
    auto data = peer_.read_line();
    auto prepare_again = [](Session* session) -> asio::awaitable<void> {
        session->prepare_again();
        co_return;
    };
    result_of(runtime_.start(prepare_again(session_.get())));
    peer_.send("#1~''\n#1:0 0\n");
    result_of(appended);
    auto command = start("ls");
    std::size_t ends = 0;
    while (peer_.read_line().empty()) ++ends;
    EXPECT_GT(ends, data.size());
    next_command();
    answer(2, "");
    result_of(command);
}

}  // namespace
}  // namespace charioteer::shell
