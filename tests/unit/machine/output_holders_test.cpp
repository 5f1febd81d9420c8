#include "machine/output_holders.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/error.hpp"

namespace charioteer::machine {
namespace {

using namespace std::chrono_literals;
using State = channel::HeldOutput::State;
using testing::HasSubstr;

TEST(OutputHolders, TheirLimitIsFiveMinutesUnlessTheEnvironmentSetsAnother) {
    EXPECT_EQ(parse_holder_limit(""), 300s);
    EXPECT_EQ(parse_holder_limit("1"), 1s);
    EXPECT_EQ(parse_holder_limit("1000000"), 1'000'000s);
}

TEST(OutputHolders, AnInvalidLimitIsRejectedWithItsName) {
    for (const auto* wrong : {"0", "-1", "1000001", "99999999999999999999", "1.5", "5 min", " 5",
                              "5 ", "inf", "never"}) {
        try {
            parse_holder_limit(wrong);
            ADD_FAILURE() << wrong;
        } catch (const io::UsageError& error) {
            EXPECT_EQ(error.what(),
                      "the environment variable CHARIOTEER_OUTPUT_HOLDER_LIMIT is \"" +
                          std::string(wrong) +
                          "\"; it must be a whole number of seconds from 1 to 1000000");
        }
    }
}

TEST(OutputHolders, AreNamedWhileTheyAreWaitedForAndWhenTheyAreAbandoned) {
    EXPECT_EQ(describe({"daemon &", "sleep (pid 7)"}, 300s),
              "`daemon &` has ended, but sleep (pid 7) still has its stdout open; waiting until it "
              "is closed");
    EXPECT_THAT(describe({"daemon &", "sleep (pid 7)", State::given_up}, 300s),
                HasSubstr("sleep (pid 7) still has its stdout open and nothing was written to it "
                          "for 300 s"));
}

TEST(OutputHolders, ThatDoNotEndAtTheLimitAreNamed) {
    EXPECT_THAT(
        describe({"sync", "sync (pid 7)", State::not_ended}, 300s),
        HasSubstr("the limit of `sync` has passed, but sync (pid 7) has not ended, not even by "
                  "SIGKILL"));
}

TEST(OutputHolders, ThatWereNotFoundAreReportedToo) {
    EXPECT_THAT(describe({"daemon &", ""}, 300s),
                HasSubstr("a process that /proc does not show still has its stdout open"));
}

TEST(OutputHolders, TheirNamesAreShownWithoutControlCharacters) {
    EXPECT_THAT(describe({"x", "\x1b[2Jevil (pid 7)"}, 300s), testing::Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace charioteer::machine
