// Flow control in both directions.

#include "multiplexer_fixture.hpp"

namespace charioteer::channel {
namespace {

using namespace std::chrono_literals;
using frames::Type;
using testing::HasSubstr;

constexpr std::size_t window = 256 * 1024;
const std::string one_frame(16 * 1024, 'x');

TEST_F(MultiplexerTest, CreditIsReturnedWhenOutputIsRead) {
    greet();
    auto call = start();
    EXPECT_EQ(decoded<frames::Exec>(of(Type::exec, sent_frames()).at(0)).credit, window);
    for (std::size_t sent = 0; sent < window; sent += one_frame.size())
        agent_sends(Type::output, 1, one_frame);
    EXPECT_EQ(returned_credit(), 0u);
    EXPECT_EQ(begin(call->next())->value.value()->bytes.size(), window);
    EXPECT_EQ(returned_credit(), window);
    EXPECT_TRUE(multiplexer_->usable());
}

TEST_F(MultiplexerTest, MoreOutputThanCreditLosesTheAgent) {
    greet();
    auto call = start();
    for (std::size_t sent = 0; sent < window; sent += one_frame.size())
        agent_sends(Type::output, 1, one_frame);
    agent_sends(Type::errors, 1, "x");
    EXPECT_THAT(why_lost(), HasSubstr("more of a command's output than it had credit for"));
    // Output within the credit can still be read.
    EXPECT_EQ(begin(call->next())->value.value()->bytes.size(), window);
    EXPECT_THAT(begin(call->next())->error, HasSubstr("the agent is broken"));
}

TEST_F(MultiplexerTest, TheExitReturnsAllCreditForLaterErrors) {
    greet();
    auto call = start();
    for (std::size_t sent = 0; sent < window; sent += one_frame.size())
        agent_sends(Type::output, 1, one_frame);
    sent_frames();
    agent_sends_exit(1);
    EXPECT_EQ(returned_credit(), window);
    // Once.
    EXPECT_EQ(begin(call->next())->value.value()->bytes.size(), window);
    EXPECT_EQ(returned_credit(), 0u);
    agent_sends(Type::errors, 1, "later\n");
    EXPECT_EQ(late_.size(), 1u);
    // Not for every frame: otherwise an agent that sends single bytes would cause more bytes in
    // reply.
    EXPECT_EQ(returned_credit(), 0u);
    agent_sends(Type::errors, 1, one_frame);
    EXPECT_EQ(returned_credit(), 6 + one_frame.size());
}

TEST_F(MultiplexerTest, ADroppedCallReturnsAllItsCredit) {
    greet();
    auto call = start();
    agent_sends(Type::errors, 1, "taken");
    begin(call->next());
    agent_sends(Type::output, 1, one_frame);
    EXPECT_EQ(returned_credit(), 0u);
    call.reset();
    EXPECT_EQ(returned_credit(), 5 + one_frame.size());
    agent_sends(Type::output, 1, one_frame);
    EXPECT_EQ(returned_credit(), one_frame.size());
}

TEST_F(MultiplexerTest, NoMoreInputIsSentThanTheCredit) {
    greet();
    auto call = start("cat");
    std::string sent;
    std::string text;
    for (int i = 0; text.size() < 1'000'000; ++i) text += std::to_string(i);
    auto writing = begin(call->write(text));
    std::size_t remaining = frames::input_window;
    auto take = [&] {
        for (const auto& each : of(Type::input, sent_frames())) {
            ASSERT_LE(each.payload.size(), remaining);
            remaining -= each.payload.size();
            sent += each.payload;
        }
    };
    take();
    EXPECT_EQ(sent.size(), frames::input_window);
    while (!writing->done) {
        ASSERT_EQ(remaining, 0u);
        remaining = 10'007;
        agent_sends_credit(1, 10'007);
        take();
    }
    EXPECT_EQ(sent, text);
    call->end_input();
    EXPECT_EQ(of(Type::input_end, sent_frames()).size(), 1u);
}

TEST_F(MultiplexerTest, TooMuchInputCreditLosesTheAgent) {
    greet();
    auto call = start("cat");
    begin(call->write(std::string(10, 'x')));
    agent_sends_credit(1, 10);
    EXPECT_TRUE(multiplexer_->usable());
    agent_sends_credit(1, UINT32_MAX);
    EXPECT_THAT(why_lost(), HasSubstr("the agent is broken"));
}

TEST_F(MultiplexerTest, InputAfterTheEndIsDropped) {
    greet();
    auto call = start("cat");
    auto writing = begin(call->write(std::string(100'000, 'x')));
    EXPECT_FALSE(writing->done);
    agent_sends_exit(1);
    EXPECT_TRUE(writing->value);
    EXPECT_TRUE(begin(call->write("more"))->value);
}

TEST_F(MultiplexerTest, AWaitThatTimesOutLeavesTheCallUsable) {
    greet();
    auto call = start("cat");
    auto limited = [&](auto operation) {
        return begin(time_.deadline_after(1s).limit(std::move(operation), "no"));
    };
    auto next = limited(call->next());
    auto ready = limited(call->until_next());
    auto started = limited(call->started());
    auto write = limited(call->write(std::string(frames::input_window + 1, 'x')));
    time_.advance(2s);
    turn();
    EXPECT_EQ(next->kind, "TimeoutError");
    EXPECT_EQ(ready->kind, "TimeoutError");
    EXPECT_EQ(started->kind, "TimeoutError");
    EXPECT_EQ(write->kind, "TimeoutError");
    agent_sends(Type::started, 1, payload_of(frames::Started{42}));
    agent_sends(Type::output, 1, "text");
    agent_sends_credit(1, 10);
    EXPECT_EQ(begin(call->started())->value, 42u);
    EXPECT_EQ(begin(call->next())->value.value()->bytes, "text");
    EXPECT_TRUE(begin(call->write("0123456789"))->value);
    EXPECT_EQ(begin(multiplexer_->greeted())->value->version, frames::version);
}

TEST_F(MultiplexerTest, ADeadlineEndsTheWaitForAHello) {
    multiplexer_->expect(nonce);
    auto late = begin(time_.deadline_after(1s).limit(multiplexer_->greeted(), "no hello"));
    time_.advance(2s);
    turn();
    EXPECT_EQ(late->error, "no hello within 1 s");
    multiplexer_->receive_bytes(hello());
    EXPECT_TRUE(multiplexer_->usable());
}

}  // namespace
}  // namespace charioteer::channel
