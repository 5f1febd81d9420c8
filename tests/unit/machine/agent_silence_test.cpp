// Guests that send nothing: busy, stopped, suspended, or restored to an earlier state.

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
        auto holds = [](GuestState* guest, auto request) -> asio::awaitable<bool> {
            co_return (guest->*request)();
        };
        while (!result_of(runtime_.start(holds(parts_.guest.get(), is)))) std::this_thread::yield();
    }
    /// The guest closes its ports, and some time passes.
    void go_to_sleep() {
        send_port_event(false);
        pass_between_checks();
    }
    void pass_between_checks() {
        while (time_.sleepers() < 2) std::this_thread::yield();
        time_.advance(2s);
    }
};

TEST_F(AgentSilence, ABusyGuestIsWaitedForWithAWarning) {
    auto waiting = wait();
    pass(5s);
    next_payload_of(Type::ping);
    pass(silence);
    reply(R"({"status": "running"})");
    agree();
    end(std::move(waiting));
    EXPECT_THAT(warnings(), HasSubstr("sent nothing for 15 s: it may be busy (QEMU's state: "
                                      "running)"));
}

TEST_F(AgentSilence, AGuestThatAnswersPingsIsNotReported) {
    auto waiting = wait();
    pass(5s);
    put(Type::pong, 0, next_payload_of(Type::ping));
    wait_until_received();
    time_.advance(silence);
    end(std::move(waiting));
    EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(AgentSilence, AGuestThatTheTestHasStoppedIsNotPinged) {
    auto waiting = wait();
    send_event("STOP");
    wait_until(&GuestState::stopped);
    pass(5s);
    pass(silence);
    reply(R"({"status": "paused"})");
    while (warnings().empty()) std::this_thread::yield();
    EXPECT_THAT(warnings(), HasSubstr("the guest is stopped by its monitor"));
    send_event("RESUME");
    agree();
    end(std::move(waiting));
}

TEST_F(AgentSilence, ACommandOfASuspendedGuestIsDelayedButNotLost) {
    auto waiting = wait();
    send_event("SUSPEND");
    go_to_sleep();
    time_.advance(1h);
    send_event("WAKEUP");
    // Read by the guest, and lost there: a request that was not read is not repeated.
    next_payload_of(Type::hello);
    send_port_event(true);
    agree();
    end(std::move(waiting));
}

TEST_F(AgentSilence, AGuestInS2idleIsRecognisedByItsShutDevices) {
    auto waiting = wait();
    go_to_sleep();
    reply_ports("off");
    // Frames under way are lost: the command is sent again.
    send_port_event(true);
    received_ = {};
    agree();
    EXPECT_THAT(next_payload_of(Type::exec), HasSubstr("sleep 1000"));
    end(std::move(waiting));
}

TEST_F(AgentSilence, APortMayBeOpenBeforeQemuReportsIt) {
    auto waiting = wait();
    go_to_sleep();
    reply_ports("on", "on");
    agree();
    end(std::move(waiting));
}

TEST_F(AgentSilence, AGuestThatRebootsWhileSuspendedIsNotWaitedFor) {
    auto waiting = wait();
    send_event("SUSPEND");
    go_to_sleep();
    send_event("RESET");
    EXPECT_EQ(failure_of(waiting), "the guest rebooted");
}

TEST_F(AgentSilence, AGuestMayBeRestoredToAStateWithoutAnAgent) {
    auto waiting = wait();
    send_event("RESUME");
    next_payload_of(Type::hello);
    go_to_sleep();
    reply_ports("on");
    EXPECT_THAT(failure_of(waiting),
                HasSubstr("was restored to an earlier state, in which it had no"));
    EXPECT_TRUE(link_->guest_restarts());
}

TEST_F(AgentSilence, AGuestThatWasRestoredToItsBootDoesNotSleep) {
    auto waiting = wait();
    send_event("RESUME");
    next_payload_of(Type::hello);
    go_to_sleep();
    reply_ports("off");  // its drivers are not loaded yet
    wait_until(&GuestState::asleep);
    pass_between_checks();
    reply_ports("on");
    EXPECT_THAT(failure_of(waiting),
                HasSubstr("was restored to an earlier state, in which it had no"));
}

TEST_F(AgentSilence, ARestoredGuestAcceptsCommandsAgain) {
    auto waiting = wait();
    send_event("RESUME");
    received_ = {.next = 9, .chain = 9};
    agree();
    agree(0);
    EXPECT_THAT(failure_of(waiting), HasSubstr("the guest was restored to an earlier state"));
    end(wait(), 2);
}

TEST_F(AgentSilence, AGreetingShowsThatTheAgentOfAClosedPortHasEnded) {
    auto waiting = wait();
    send_port_event(false);
    while (time_.sleepers() < 2) std::this_thread::yield();
    auto handle_greeting = [](PortLink* link) -> asio::awaitable<void> {
        link->handle_greeting();
        co_return;
    };
    result_of(runtime_.start(handle_greeting(link_.get())));
    EXPECT_EQ(failure_of(waiting), "the guest rebooted");
}

TEST_F(PortLinkTest, AnAgentOfAGuestThatWasRestoredIsAdopted) {
    auto adopted = runtime_.start(link_->until_adopted());
    nonce_ = 77;
    send_port_event(true);
    agree();
    reply(R"({"arch": "x86_64"})");
    result_of(adopted);
    EXPECT_TRUE(link_->usable());
}

}  // namespace
}  // namespace charioteer::machine
