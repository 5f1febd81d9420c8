// Keys that wait for the guest, against a keyboard controller in this file. The clock is
// manual.

#include "machine/keyboard.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "fakes/manual_time.hpp"
#include "io/runtime.hpp"

namespace charioteer::machine {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class KeyboardTest : public testing::Test {
protected:
    struct Press {
        std::string key;
        io::Duration when;
        bool operator==(const Press&) const = default;
    };

    asio::awaitable<std::string> answer(std::string command) {
        if (command == "i /1b 0x64") co_return status_(time_.now() - begin_);
        presses_.push_back({command, time_.now() - begin_});
        co_return "";
    }
    /// Presses the keys one after the other, and lets time pass as far as it is waited for.
    void press(std::vector<std::string> keys) {
        auto all = [](Keyboard& keyboard, std::vector<std::string> names) -> asio::awaitable<void> {
            for (auto& name : names) co_await keyboard.press(std::move(name));
        };
        auto pending = runtime_.start(all(keyboard_, std::move(keys)));
        while (!pending.wait_for(1ms))
            if (time_.sleepers() > 0) time_.advance(5ms);
        pending.get();
    }
    static std::string full(io::Duration) { return "portb[0x0064] = 0x1d\r\n"; }
    static std::string empty(io::Duration) { return "portb[0x0064] = 0x1c\r\n"; }

    fakes::ManualTime time_;
    io::TimePoint begin_ = time_.now();
    std::function<std::string(io::Duration)> status_ = empty;
    std::vector<Press> presses_;  ///< io thread, while keys are pressed
    io::Runtime runtime_;
    Keyboard keyboard_{time_, [this](std::string command) { return answer(std::move(command)); }};
};

TEST_F(KeyboardTest, TheNextKeyIsPressedWhenQemuHasPlayedTheLast) {
    press({"a", "shift-b", "ret"});
    EXPECT_THAT(presses_, ElementsAre(Press{"sendkey a", 0ms}, Press{"sendkey shift-b", 20ms},
                                      Press{"sendkey ret", 40ms}));
}

TEST_F(KeyboardTest, AKeyWaitsUntilTheGuestHasReadTheLast) {
    status_ = [](io::Duration now) { return now > 0ms && now < 500ms ? full(now) : empty(now); };
    press({"a", "b"});
    EXPECT_THAT(presses_, ElementsAre(Press{"sendkey a", 0ms}, Press{"sendkey b", 500ms}));
}

TEST_F(KeyboardTest, AGuestThatDoesNotReadIsWaitedForOnce) {
    status_ = full;
    press({"a", "b", "c"});
    EXPECT_THAT(presses_, ElementsAre(Press{"sendkey a", 2s}, Press{"sendkey b", 2020ms},
                                      Press{"sendkey c", 2040ms}));
}

TEST_F(KeyboardTest, AGuestThatReadsAgainIsWaitedForAgain) {
    status_ = full;
    press({"a"});
    status_ = empty;
    press({"b"});
    status_ = [](io::Duration now) { return now < 3s ? full(now) : empty(now); };
    press({"c"});
    EXPECT_EQ(presses_.back(), (Press{"sendkey c", 3s}));
}

TEST_F(KeyboardTest, AMachineWithoutAKeyboardControllerTakesKeysAtOnce) {
    for (const auto* answer : {"portb[0x0064] = 0xff\r\n", "unknown command: 'i'\r\n", ""}) {
        status_ = [answer](io::Duration) { return std::string(answer); };
        presses_.clear();
        begin_ = time_.now() + 20ms;
        press({"a"});
        EXPECT_LE(presses_.front().when, 0ms) << answer;
    }
}

}  // namespace
}  // namespace charioteer::machine
