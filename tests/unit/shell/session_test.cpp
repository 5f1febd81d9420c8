#include "shell/session.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/socket.h>

#include "unit/shell/session_fixture.hpp"

namespace charioteer::shell {
namespace {

using namespace std::chrono_literals;
using fakes::result_of;
using testing::HasSubstr;

/// The text of the `Failure` that `pending` ends with.
template <class Failure, class T>
std::string failure_of(io::Pending<T> pending) {
    try {
        result_of(std::move(pending));
    } catch (const Failure& failure) {
        return failure.what();
    }
    return "it did not fail";
}

TEST_F(SessionTest, IsReadyAfterTheGreeting) {
    auto ready = start_waiting();
    peer_.send("hello\nSpawning backdoor ");
    peer_.send("root shell...\n");
    result_of(ready);
    EXPECT_THAT(received_, HasSubstr("hello\nSpawning backdoor root shell..."));
}

TEST_F(SessionTest, ReportsASilentGuestEveryHalfMinute) {
    auto ready = start_waiting();
    pass_silence();
    pass_silence();
    peer_.send("Spawning backdoor root shell...\n");
    result_of(ready);
    EXPECT_EQ(silences_, 2);
}

TEST_F(SessionTest, WaitsForTheGreetingUntilItsDeadline) {
    auto ready = start_waiting(time_.deadline_after(10s));
    pass(10s);
    EXPECT_EQ(failure_of<io::TimeoutError>(ready),
              "the guest's root shell did not send a greeting within 10 s");
    EXPECT_TRUE(session_->usable());
}

TEST_F(SessionTest, AShellIsPreparedAgainAfterTheGuestMayHaveBeenRestored) {
    auto first = start("one");
    next_command();
    answer(1, "");
    result_of(first);
    auto prepare_again = [](Session* session) -> asio::awaitable<void> {
        session->prepare_again();
        co_return;
    };
    result_of(runtime_.start(prepare_again(session_.get())));
    auto second = start("two");
    // Ends a line that the shell may have read partially when the guest's state was saved.
    EXPECT_EQ(peer_.read_line(), "");
    EXPECT_EQ(peer_.read_line(), "set -m");
    EXPECT_THAT(next_command(), HasSubstr("; two'"));
    answer(2, "");
    result_of(second);
}

TEST_F(SessionTest, ReturnsStatusAndOutput) {
    auto command = start("ls");
    EXPECT_THAT(next_command(), HasSubstr("; ls'"));
    answer(1, "a\nb\n", 2);
    auto result = result_of(command);
    EXPECT_EQ(result.status, 2);
    EXPECT_EQ(result.output, "a\nb\n");
}

TEST_F(SessionTest, OnlyTheStatus124UnderALimitIsATimeout) {
    auto timed_out = [&](std::optional<command::Limit> limit, int number, int status) {
        auto pending = start(command::Command{.text = "ls", .limit = std::move(limit)});
        answer(number, "", status);
        return result_of(pending).timed_out;
    };
    command::Limit limit{5s, "5"};
    EXPECT_TRUE(timed_out(limit, 1, 124));
    EXPECT_FALSE(timed_out(limit, 2, 1));
    EXPECT_FALSE(timed_out(std::nullopt, 3, 124));
}

TEST_F(SessionTest, TheDurationIsThatOfTheWholeCall) {
    auto pending = start("ls", 5s);
    next_command();
    pass(2s);
    answer(1, "");
    EXPECT_EQ(result_of(pending).duration, 2s);
}

TEST_F(SessionTest, DoesNotWaitForUnwantedOutputAndSkipsItLater) {
    command::Command command;
    command.text = "sleep 1000";
    command.want_output = false;
    EXPECT_EQ(result_of(start(command)).output, "");
    auto next = start("ls");
    answer(1, "late");
    answer(2, "mine");
    EXPECT_EQ(result_of(next).output, "mine");
}

TEST_F(SessionTest, ALateAnswerIsNotTakenForThatOfTheNextCommand) {
    auto slow = start("sleep 1000", 5s);
    next_command();
    pass(5s);
    EXPECT_EQ(failure_of<io::TimeoutError>(slow), "the guest did not answer within 5 s");
    EXPECT_TRUE(session_->usable());
    auto next = start("ls", 5s);
    answer(1, "late");
    answer(2, "mine");
    EXPECT_EQ(result_of(next).output, "mine");
}

TEST_F(SessionTest, TheRestOfALateAnswerIsSkipped) {
    auto slow = start("big", 5s);
    next_command();
    peer_.send("#1~hel");
    pass(5s);
    EXPECT_THROW(result_of(slow), io::TimeoutError);
    auto next = start("ls");
    peer_.send("lo\n#1:0 0\n");
    answer(2, "mine");
    EXPECT_EQ(result_of(next).output, "mine");
}

TEST_F(SessionTest, CommandsRunInTheOrderOfTheCalls) {
    auto first = start("first");
    auto second = start("second");
    auto third = start("third");
    EXPECT_THAT(next_command(), HasSubstr("first"));
    char byte;
    EXPECT_EQ(::recv(peer_.descriptor(), &byte, 1, MSG_DONTWAIT), -1) << "sent too early";
    answer(1, "1");
    EXPECT_THAT(next_command(), HasSubstr("second"));
    answer(2, "2");
    EXPECT_THAT(next_command(), HasSubstr("third"));
    answer(3, "3");
    EXPECT_EQ(result_of(first).output + result_of(second).output + result_of(third).output, "123");
}

TEST_F(SessionTest, ACancelledCommandIsRemovedFromTheQueue) {
    auto first = start("first");
    next_command();
    auto second = start("second");
    auto third = start("third");
    second.cancel();
    EXPECT_THROW(result_of(second), io::Interrupted);
    answer(1, "1");
    EXPECT_THAT(next_command(), HasSubstr("third"));
    answer(3, "3");
    EXPECT_EQ(result_of(third).output, "3");
    EXPECT_EQ(result_of(first).output, "1");
}

TEST_F(SessionTest, ALongCommandIsSentCompletelyToASlowGuest) {
    auto text = std::string(100'000, 'x');
    int small = 4096;
    ::setsockopt(peer_.descriptor(), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    for (int number = 1; number <= 5; ++number) {
        auto command = start(text);
        EXPECT_THAT(next_command(), HasSubstr(text));
        answer(number, "");
        result_of(command);
    }
}

TEST_F(SessionTest, RejectsACommandThatCannotBeSentAndStaysUsable) {
    EXPECT_THROW(run(std::string(200'000, 'x')), io::UsageError);
    auto next = start("ls");
    answer(2, "mine");
    EXPECT_EQ(result_of(next).output, "mine");
}

TEST_F(SessionTest, ALostConnectionIsReportedWithItsReason) {
    auto command = start("ls");
    auto waiting = start("next");
    next_command();
    peer_.close();
    EXPECT_EQ(failure_of<io::ConnectionLost>(command),
              "Shell disconnected: QEMU was killed by signal 9");
    EXPECT_THROW(result_of(waiting), io::ConnectionLost);
    EXPECT_THROW(run("again"), io::ConnectionLost);
    EXPECT_FALSE(session_->usable());
}

TEST_F(SessionTest, ALostConnectionEndsTheWaitForTheGreeting) {
    auto ready = start_waiting();
    peer_.close();
    EXPECT_THAT(failure_of<io::ConnectionLost>(ready), HasSubstr("signal 9"));
}

TEST_F(SessionTest, ACommandWithoutOutputReportsALostConnection) {
    peer_.close();
    command::Command command;
    command.text = "ls";
    command.want_output = false;
    EXPECT_THROW(result_of(start(command)), io::ConnectionLost);
    EXPECT_THROW(result_of(runtime_.start(session_->send_raw("x", io::Deadline::never()))),
                 io::ConnectionLost);
}

TEST_F(SessionTest, AGreetingInsteadOfAnAnswerIsARestart) {
    auto command = start("reboot");
    next_command();
    peer_.send("#1~hi\nSpawning backdoor root shell...\n");
    EXPECT_THAT(failure_of<Restarted>(command), HasSubstr("was restarted"));
    EXPECT_TRUE(session_->usable());
    result_of(start_waiting());
    auto next = start("ls");
    answer(2, "mine");
    EXPECT_EQ(result_of(next).output, "mine");
}

TEST_F(SessionTest, EachNewShellIsPrepared) {
    auto prepared = [this] {
        auto pending = start("ls");
        auto first = peer_.read_line();
        if (first == "set -m") next_command();
        answer(++number_, "");
        result_of(pending);
        return first == "set -m";
    };
    EXPECT_TRUE(prepared());
    EXPECT_FALSE(prepared());
    auto ready = start_waiting();
    peer_.send("Spawning backdoor root shell...\n");
    result_of(ready);
    EXPECT_TRUE(prepared());
    EXPECT_FALSE(prepared());
    result_of(runtime_.start(session_->lend()));
    result_of(runtime_.start(take_back()));
    EXPECT_EQ(peer_.read_line(), "");
    EXPECT_TRUE(prepared());
}

TEST_F(SessionTest, AnOldGreetingIsNotTakenForThatOfALaterReboot) {
    auto command = start("reboot");
    next_command();
    peer_.send("Spawning backdoor root shell...\n");
    EXPECT_THROW(result_of(command), Restarted);
    auto next = start("ls");
    answer(2, "");
    result_of(next);
    auto ready = start_waiting();
    pass_silence();
    EXPECT_FALSE(ready.wait_for(0ms));
    peer_.send("Spawning backdoor root shell...\n");
    result_of(ready);
}

TEST_F(SessionTest, OneGreetingEndsAllWaitsForIt) {
    auto first = start_waiting();
    auto second = start_waiting();
    peer_.send("Spawning backdoor root shell...\n");
    result_of(first);
    result_of(second);
    auto later = start_waiting(time_.deadline_after(10s));
    pass(10s);
    EXPECT_THROW(result_of(later), io::TimeoutError);
}

TEST_F(SessionTest, ALimitIncludesTheWaitForTheTurn) {
    auto first = start("sleep 1000");
    next_command();
    auto second = start("ls", 10s);
    pass(10s);
    EXPECT_THAT(failure_of<io::TimeoutError>(second), HasSubstr("an earlier command"));
    answer(1, "");
    result_of(first);
}

TEST_F(SessionTest, TheWaitForTheGreetingEndsAtItsDeadlineBehindACommand) {
    auto command = start("sleep 1000");
    next_command();
    auto ready = start_waiting(time_.deadline_after(10s));
    pass(10s);
    EXPECT_THAT(failure_of<io::TimeoutError>(ready), HasSubstr("an earlier command"));
    answer(1, "");
    result_of(command);
}

TEST_F(SessionTest, HoldersOfTheOutputOfACommandThatEndedInTimeAreWaitedForBeyondTheLimit) {
    std::string held;
    std::atomic<bool> reported = false;
    session_->on_holders([&](const std::string& text, const Holders& holders) {
        held = text + " " + holders.names;
        reported = true;
    });
    auto command = start("daemon &", 60s);
    next_command();
    peer_.send("#1!0 sleep\n");
    while (!reported) std::this_thread::yield();
    pass(61s);
    peer_.send("#1~now\n#1:0 0\n");
    EXPECT_EQ(result_of(command).output, "now");
    EXPECT_EQ(held, "daemon & sleep");
}

TEST_F(SessionTest, ReportsADamagedAnswerAndStaysUsable) {
    auto command = start("ls");
    next_command();
    peer_.send("#1~hi\n#1=aGk[ 3.1] usb 1-1 K\n#1:5 1\n");
    EXPECT_THAT(failure_of<GarbledAnswer>(command), HasSubstr("ended with status 5"));
    auto next = start("ls");
    answer(2, "mine");
    EXPECT_EQ(result_of(next).output, "mine");
}

TEST_F(SessionTest, SendsRawBytesDuringACommand) {
    auto command = start("sleep 1000");
    next_command();
    result_of(runtime_.start(session_->send_raw("poweroff\n", io::Deadline::never())));
    EXPECT_EQ(peer_.read_line(), "poweroff");
    answer(1, "");
    result_of(command);
}

TEST_F(SessionTest, SendingToAGuestThatDoesNotReadEndsAtTheDeadline) {
    auto deadline = time_.deadline_after(10s);
    auto sent = runtime_.start(session_->send_raw(std::string(8'000'000, 'x'), deadline));
    pass(10s);
    EXPECT_THAT(failure_of<io::TimeoutError>(sent), HasSubstr("within 10 s"));
}

TEST_F(SessionTest, CommandsWaitWhileTheShellIsLent) {
    auto copy = result_of(runtime_.start(session_->lend()));
    // As some terminal programs do.
    ::fcntl(copy.get(), F_SETFL, 0);
    ASSERT_EQ(::write(copy.get(), "id", 2), 2);
    EXPECT_EQ(peer_.read(2), "id");
    auto command = start("ls");
    EXPECT_FALSE(command.wait_for(0ms));
    peer_.send("root$ ");
    result_of(runtime_.start(take_back()));
    EXPECT_EQ(peer_.read_line(), "") << "the incomplete line is not ended";
    EXPECT_THAT(next_command(), HasSubstr("ls"));
    EXPECT_NE(::fcntl(copy.get(), F_GETFL) & O_NONBLOCK, 0);
    answer(1, "mine");
    EXPECT_EQ(result_of(command).output, "mine");
}

asio::awaitable<void> close(std::shared_ptr<Session> session) {
    session->close();
    session->close();
    co_return;
}

TEST_F(SessionTest, ClosingWakesAllWaiters) {
    auto running = start("ls");
    auto waiting = start("next");
    next_command();
    result_of(runtime_.start(close(session_)));
    EXPECT_THROW(result_of(running), io::ConnectionLost);
    EXPECT_THROW(result_of(waiting), io::ConnectionLost);
    EXPECT_THROW(result_of(runtime_.start(session_->lend())), io::ConnectionLost);
    EXPECT_TRUE(peer_.sees_the_end());
}

}  // namespace
}  // namespace charioteer::shell
