#include "machine/console.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes/manual_time.hpp"
#include "io/error.hpp"
#include "io/runtime.hpp"

namespace charioteer::machine {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class ConsoleTest : public testing::Test {
protected:
    /// Runs `action` on the io thread, to which the console belongs.
    template <class Action>
    auto on_io(Action action) {
        auto run = [](Action body) -> asio::awaitable<decltype(body())> { co_return body(); };
        return runtime_.start(run(std::move(action))).get();
    }
    void feed(std::string_view bytes) {
        on_io([&] { console_->feed(bytes); });
    }
    /// Waits until the code under test sleeps on the manual clock.
    void await_sleeper() const {
        while (time_.sleepers() == 0) std::this_thread::yield();
    }
    static asio::awaitable<std::vector<std::string>> take(Console& console, io::Deadline deadline) {
        co_return co_await console.next_lines(deadline);
    }
    asio::awaitable<ConsoleText> look(ConsoleMark seen) {
        co_return co_await console_->next_text(seen, time_.deadline_after(1h));
    }
    /// The text that the console returns to a call from the begin.
    ConsoleText text(ConsoleMark seen = {}) { return runtime_.start(look(seen)).get(); }
    /// Advances the clock by a second without output.
    void settle() {
        await_sleeper();
        time_.advance(1s);
        // Returns when the io thread has woken the sleeper.
        while (time_.due() > 0) on_io([] {});
    }
    static asio::awaitable<std::string> panic(Console& console) {
        co_return co_await console.wait_for_panic();
    }

    std::vector<std::string> lines_;
    fakes::ManualTime time_;
    io::Runtime runtime_;
    std::shared_ptr<Console> console_ = Console::make(
        runtime_.executor(), time_, [this](const std::string& line) { lines_.push_back(line); });
};

TEST_F(ConsoleTest, LinesDoNotDependOnThePieces) {
    constexpr std::string_view bytes = "one\r\ntwo  \n\nth\xffree\nfour";
    for (std::size_t split = 0; split <= bytes.size(); ++split) {
        on_io([&] { console_->reset(); });
        lines_.clear();
        feed(bytes.substr(0, split));
        feed(bytes.substr(split));
        EXPECT_THAT(lines_, ElementsAre("one", "two", "", "three")) << "split at " << split;
    }
}

TEST_F(ConsoleTest, AnIncompleteLineCountsWhenQemuEnds) {
    feed("almost");
    EXPECT_THAT(lines_, IsEmpty());
    on_io([&] { console_->finish(); });
    EXPECT_THAT(lines_, ElementsAre("almost"));
    EXPECT_EQ(console_->text(), "almost");
}

TEST_F(ConsoleTest, ReturnsEachLineOnce) {
    feed("a\nb\n");
    EXPECT_THAT(runtime_.start(take(*console_, io::Deadline::never())).get(),
                ElementsAre("a", "b"));
    auto pending = runtime_.start(take(*console_, io::Deadline::never()));
    feed("c\n");
    EXPECT_THAT(pending.get(), ElementsAre("c"));
    EXPECT_EQ(console_->text(), "a\nb\nc");
    EXPECT_THAT(console_->last_lines(2), ElementsAre("b", "c"));
}

TEST_F(ConsoleTest, WaitingForALineEndsAtItsDeadline) {
    auto pending = runtime_.start(take(*console_, time_.deadline_after(5s)));
    await_sleeper();
    time_.advance(5s);
    EXPECT_THROW(pending.get(), io::TimeoutError);
}

TEST_F(ConsoleTest, APanicIsReportedWhenTheKernelIsSilent) {
    auto pending = runtime_.start(panic(*console_));
    feed("[1.0] Kernel panic - not syncing: VFS\n[1.1] ---[ end Kernel panic - not syncing ]---\n");
    await_sleeper();
    time_.advance(10s);
    EXPECT_FALSE(pending.wait_for(0ms));
    time_.advance(5s);
    EXPECT_EQ(pending.get(), "[1.0] Kernel panic - not syncing: VFS");
}

TEST_F(ConsoleTest, OutputAfterAPanicDelaysTheReport) {
    auto pending = runtime_.start(panic(*console_));
    feed("Kernel panic - not syncing: first\n");
    await_sleeper();
    feed("Rebooting in 1 seconds..\nLinux version 6\n");
    time_.advance(15s);
    EXPECT_FALSE(pending.wait_for(0ms));
    pending.cancel();
    EXPECT_THROW(pending.get(), io::Interrupted);
}

TEST_F(ConsoleTest, OnlyMessagesOfTheKernelArePanics) {
    for (auto line :
         {"Kernel panic - not syncing: VFS", "[    1.5] Kernel panic - not syncing: VFS",
          "[    1.5][    T1] Kernel panic - not syncing: VFS",
          "half a word[    1.5] Kernel panic - not syncing: VFS"}) {
        feed(std::string(line) + "\n");
        EXPECT_TRUE(on_io([&] { return console_->panic(); })) << line;
        on_io([&] { console_->reset(); });
    }
    for (auto line : {"grep: Kernel panic - not syncing", "# echo 'Kernel panic - not syncing'",
                      "nov 23 host kernel: Kernel panic - not syncing", "[ok] Kernel panic - not",
                      "[notes] Kernel panic - not syncing"}) {
        feed(std::string(line) + "\n");
        EXPECT_FALSE(on_io([&] { return console_->panic(); })) << line;
    }
}

TEST_F(ConsoleTest, APanicBeforeARestartIsForgotten) {
    feed("Kernel panic - not syncing: first\n");
    auto first = on_io([&] { return console_->panic(); });
    feed("Kernel panic - not syncing: second\n");
    on_io([&] { console_->forget_panic(first); });
    EXPECT_TRUE(on_io([&] { return console_->panic(); }));
    on_io([&] { console_->forget_panic(console_->panic()); });
    EXPECT_FALSE(on_io([&] { return console_->panic(); }));
}

TEST_F(ConsoleTest, AnIncompleteLineIsMatchedAfterAPause) {
    feed("booted\npassphrase: ");
    auto first = text();
    EXPECT_THAT(first.lines, ElementsAre("booted"));
    EXPECT_EQ(first.rest, "");
    settle();
    EXPECT_EQ(text().rest, "passphrase: ");
    EXPECT_THAT(lines_, ElementsAre("booted", "passphrase: "));
}

TEST_F(ConsoleTest, AnIncompleteLineThatGrowsIsNotMatched) {
    feed("pass");
    await_sleeper();
    time_.advance(900ms);
    feed("phrase: ");
    time_.advance(900ms);
    on_io([] {});
    EXPECT_THAT(lines_, IsEmpty());
    settle();
    EXPECT_THAT(lines_, ElementsAre("passphrase: "));
}

TEST_F(ConsoleTest, WaitersAreWokenByAnIncompleteLine) {
    auto pending = runtime_.start(look({}));
    await_sleeper();
    feed("login: ");
    while (time_.sleepers() < 2) std::this_thread::yield();
    time_.advance(1s);
    EXPECT_EQ(pending.get().rest, "login: ");
}

TEST_F(ConsoleTest, TheRestOfAConsumedLineIsReturnedAndTheWholeLineKept) {
    feed("login: ");
    settle();
    feed("root\r\n");
    EXPECT_THAT(lines_, ElementsAre("login: ", "root"));
    feed("password: ");
    settle();
    feed("\r\n");
    EXPECT_THAT(lines_, ElementsAre("login: ", "root", "password: "));
    EXPECT_EQ(console_->text(), "login: root\npassword:");
    EXPECT_THAT(text().lines, ElementsAre("login: root", "password:"));
}

TEST_F(ConsoleTest, TheConsumedPartOfALineIsNotReturnedAgain) {
    feed("login: ");
    settle();
    auto mark = text().mark;
    on_io([&] { console_->consume_rest(mark); });
    feed("root");
    settle();
    EXPECT_EQ(text().rest, "root");
    on_io([&] { console_->add_line("of another source"); });
    feed(" at last\nnext\n");
    EXPECT_THAT(text().lines, ElementsAre("of another source", "root at last", "next"));
}

TEST_F(ConsoleTest, AConsumedLineThatHasEndedMeanwhileIsNotReturnedAgain) {
    feed("login: ");
    settle();
    auto mark = text().mark;
    feed("root\nnext\n");
    on_io([&] { console_->consume_rest(mark); });
    EXPECT_THAT(text().lines, ElementsAre("root", "next"));
    on_io([&] { console_->consume_rest(mark); });
    feed("more\n");
    EXPECT_THAT(text().lines, ElementsAre("more"));
}

TEST_F(ConsoleTest, APositionOfAnEarlierStartConsumesNothing) {
    feed("login: ");
    settle();
    auto mark = text().mark;
    on_io([&] { console_->reset(); });
    feed("login: ");
    settle();
    on_io([&] { console_->consume_rest(mark); });
    EXPECT_EQ(text(mark).rest, "login: ");
}

TEST_F(ConsoleTest, AnIncompleteLineIsAmongTheLastLines) {
    feed("one\ntwo\nlogin: ");
    EXPECT_THAT(console_->last_lines(2), ElementsAre("two", "login:"));
    EXPECT_THAT(console_->last_lines(9), ElementsAre("one", "two", "login:"));
    EXPECT_EQ(console_->text(), "one\ntwo\nlogin:");
}

TEST_F(ConsoleTest, AnEndlessLineIsSplit) {
    feed(std::string(64 * 1024 + 1, 'x'));
    EXPECT_THAT(lines_, ElementsAre(std::string(64 * 1024, 'x')));
}

TEST_F(ConsoleTest, ContinuesWithRestoredLinesWithoutReportingThem) {
    feed("one\ntwo\nthree\n");
    EXPECT_THAT(text().lines, ElementsAre("one", "two", "three"));
    feed("four\n");
    auto state = on_io([&] { return console_->state(); });
    EXPECT_THAT(state.lines, ElementsAre("one", "two", "three", "four"));
    EXPECT_EQ(state.taken, 3U);
    on_io([&] { console_->reset(); });
    feed("QEMU's own line\n");
    lines_.clear();
    on_io([&] { console_->restore(state); });
    EXPECT_THAT(lines_, IsEmpty());
    feed("five\n");
    EXPECT_THAT(text().lines, ElementsAre("four", "five"));
    EXPECT_EQ(on_io([&] { return console_->text(); }), "one\ntwo\nthree\nfour\nfive");
    EXPECT_THAT(lines_, ElementsAre("five"));
}

TEST_F(ConsoleTest, AnIncompleteLineIsRestoredAsALine) {
    for (bool taken : {false, true}) {
        on_io([&] { console_->reset(); });
        feed("one\nlogin: ");
        settle();
        auto seen = text();
        EXPECT_EQ(seen.rest, "login: ");
        if (taken) on_io([&] { console_->consume_rest(seen.mark); });
        auto state = on_io([&] { return console_->state(); });
        EXPECT_THAT(state.lines, ElementsAre("one", "login:"));
        EXPECT_EQ(state.taken, taken ? 2U : 1U);
    }
}

TEST_F(ConsoleTest, RestoredLinesThatWereNotTakenWakeWaiters) {
    auto waiting = runtime_.start(take(*console_, io::Deadline::never()));
    on_io([&] { console_->restore({{"one", "two"}, 1}); });
    EXPECT_THAT(waiting.get(), ElementsAre("two"));
    on_io([&] { console_->restore({{"one"}, 9}); });
    feed("two\n");
    EXPECT_THAT(text().lines, ElementsAre("two"));
}

}  // namespace
}  // namespace charioteer::machine
