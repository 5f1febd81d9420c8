// Guests that say nothing: busy, stopped, suspended, or gone back to an earlier state.

#include "port_link_fixture.hpp"

namespace charioteer::machine {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class AgentSilence : public PortLinkTest {
protected:
    AgentSilence() { start(); }

    /// The agent ends the command that waits.
    void end(io::Pending<std::optional<channel::Piece>> waiting, std::uint32_t stream = 1) {
        put(Type::output, stream, "done");
        EXPECT_EQ(result_of(waiting)->bytes, "done");
    }
    void wait_until(bool (GuestState::*is)() const noexcept) {
        auto holds = [](GuestState* guest, auto question) -> asio::awaitable<bool> {
            co_return (guest->*question)();
        };
        while (!result_of(runtime_.start(holds(parts_.guest.get(), is)))) std::this_thread::yield();
    }
    /// The guest shuts its ports, and some time passes.
    void fall_asleep() {
        tell_port(false);
        pass_between_looks();
    }
    void pass_between_looks() {
        while (time_.sleepers() < 2) std::this_thread::yield();
        time_.advance(2s);
    }
};

TEST_F(AgentSilence, ABusyGuestIsWaitedForWithAWarning) {
    auto waiting = wait();
    pass(5s);
    take_frame_of(Type::ping);
    pass(silence);
    reply(R"({"status": "running"})");
    agree();
    end(std::move(waiting));
    EXPECT_THAT(warnings(), HasSubstr("said nothing for 15 s: it may be busy (QEMU's state: "
                                      "running)"));
}

TEST_F(AgentSilence, AGuestThatAnswersMayTakeItsTime) {
    auto waiting = wait();
    pass(5s);
    put(Type::pong, 0, take_frame_of(Type::ping));
    wait_until_heard();
    time_.advance(silence);
    end(std::move(waiting));
    EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(AgentSilence, AGuestThatATestHasStoppedIsNotAsked) {
    auto waiting = wait();
    tell("STOP");
    wait_until(&GuestState::stopped);
    pass(5s);
    pass(silence);
    reply(R"({"status": "paused"})");
    while (warnings().empty()) std::this_thread::yield();
    EXPECT_THAT(warnings(), HasSubstr("the guest is stopped by its monitor"));
    tell("RESUME");
    agree();
    end(std::move(waiting));
}

TEST_F(AgentSilence, ACommandOfASuspendedGuestIsLateNotLost) {
    auto waiting = wait();
    tell("SUSPEND");
    fall_asleep();
    time_.advance(1h);
    tell("WAKEUP");
    // Taken by the guest, and lost there. One that is still to be taken is not repeated.
    take_frame_of(Type::hello);
    tell_port(true);
    agree();
    end(std::move(waiting));
}

TEST_F(AgentSilence, AGuestThatIdlesWithItsDevicesShutIsToldByThem) {
    auto waiting = wait();
    fall_asleep();
    reply_ports("off");
    // What was on its way is lost: the command is sent again.
    tell_port(true);
    heard_ = {};
    agree();
    EXPECT_THAT(take_frame_of(Type::exec), HasSubstr("sleep 1000"));
    end(std::move(waiting));
}

TEST_F(AgentSilence, APortThatQemuHasNotYetToldToBeOpenIsOpen) {
    auto waiting = wait();
    fall_asleep();
    reply_ports("on", "on");
    agree();
    end(std::move(waiting));
}

TEST_F(AgentSilence, AGuestThatStartsAnewInItsSleepIsNotWaitedFor) {
    auto waiting = wait();
    tell("SUSPEND");
    fall_asleep();
    tell("RESET");
    EXPECT_EQ(failure_of(waiting), "the guest started anew");
}

TEST_F(AgentSilence, AGuestMayGoBackToWhenItHadNoAgent) {
    auto waiting = wait();
    tell("RESUME");
    take_frame_of(Type::hello);
    fall_asleep();
    reply_ports("on");
    EXPECT_THAT(failure_of(waiting),
                HasSubstr("went back to an earlier state, in which it had no"));
    EXPECT_TRUE(link_->guest_restarts());
}

TEST_F(AgentSilence, AGuestThatWentBackToItsBootDoesNotSleep) {
    auto waiting = wait();
    tell("RESUME");
    take_frame_of(Type::hello);
    fall_asleep();
    reply_ports("off");  // its drivers are not there yet
    wait_until(&GuestState::asleep);
    pass_between_looks();
    reply_ports("on");
    EXPECT_THAT(failure_of(waiting),
                HasSubstr("went back to an earlier state, in which it had no"));
}

TEST_F(AgentSilence, AGuestThatWentBackTakesCommandsAgain) {
    auto waiting = wait();
    tell("RESUME");
    heard_ = {.next = 9, .chain = 9};
    agree();
    agree(0);
    EXPECT_THAT(failure_of(waiting), HasSubstr("the guest went back to an earlier state"));
    end(wait(), 2);
}

TEST_F(AgentSilence, AGreetingIsProofThatAClosedPortStaysClosed) {
    auto waiting = wait();
    tell_port(false);
    while (time_.sleepers() < 2) std::this_thread::yield();
    auto greet = [](PortLink* link) -> asio::awaitable<void> {
        link->take_greeting();
        co_return;
    };
    result_of(runtime_.start(greet(link_.get())));
    EXPECT_EQ(failure_of(waiting), "the guest started anew");
}

TEST_F(PortLinkTest, AnAgentOfAGuestThatWasRestoredIsAdopted) {
    auto adopted = runtime_.start(link_->until_adopted());
    nonce_ = 77;
    tell_port(true);
    agree();
    reply(R"({"arch": "x86_64"})");
    result_of(adopted);
    EXPECT_TRUE(link_->usable());
}

}  // namespace
}  // namespace charioteer::machine
