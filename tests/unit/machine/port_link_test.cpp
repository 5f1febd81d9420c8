// The life of the agent in a guest.

#include "port_link_fixture.hpp"

namespace charioteer::machine {
namespace {

using testing::HasSubstr;

TEST_F(PortLinkTest, SendsTheProgramOnceToWhoeverOpensThePort) {
    auto starting = begin_start();
    take_program();
    // The script closes the port, and the agent opens it.
    tell_port(false);
    tell_port(true);
    greet();
    say("started");
    result_of(starting);
    EXPECT_EQ(take_frame().first.type, Type::hello);
}

TEST_F(PortLinkTest, DoesNotSendItToAnotherPort) {
    auto starting = begin_start();
    qemu_.send(
        R"({"event": "VSERPORT_CHANGE", "data": {"open": true, "id": "org.qemu.guest_agent.0"}})"
        "\n");
    // The answer to a later command shows that the event was handled.
    auto later = runtime_.start(parts_.qmp->execute("query-status", {}, io::Deadline::never()));
    reply("{}");
    result_of(later);
    say("no-port");
    EXPECT_THAT(failure_of(starting), HasSubstr("it has no port"));
    auto close = [](std::shared_ptr<channel::Channel> channel) -> asio::awaitable<void> {
        channel->close();
        co_return;
    };
    result_of(runtime_.start(close(parts_.channel)));
    EXPECT_TRUE(agent_.sees_the_end()) << "the program was sent";
}

TEST_F(PortLinkTest, AProgramThatArrivesDamagedIsSentAgain) {
    auto starting = begin_start();
    send_damaged();
    take_program();
    greet();
    say("started");
    result_of(starting);
}

TEST_F(PortLinkTest, AProgramThatArrivesDamagedTwiceIsNoAgent) {
    auto starting = begin_start();
    send_damaged();
    take_program();
    greet("another program");
    say("started");
    EXPECT_EQ(failure_of(starting), "the agent's program arrived damaged in the guest");
}

TEST_F(PortLinkTest, WhatCannotGetBetterIsNotTriedAgain) {
    auto starting = begin_start();
    say("no-port");
    EXPECT_THAT(failure_of(starting), HasSubstr("it has no port charioteer.agent"));
}

TEST_F(PortLinkTest, WhatMayGetBetterIsTriedAgain) {
    auto starting = begin_start();
    take_program();
    say("status-4");
    read_script();
    say("status-4");
    EXPECT_EQ(failure_of(starting), "the agent's program ended at once (status-4)");
}

TEST_F(PortLinkTest, AStartUnderWhichTheGuestStartsAnewMayStillBeCarriedOut) {
    auto starting = begin_start();
    auto nonce = nonce_;
    root_.send("Spawning backdoor root shell...\n");
    EXPECT_NE(failure_of<shell::Restarted>(starting), "it did not fail");
    auto again = begin_start();
    EXPECT_EQ(nonce_, nonce);
    greet();
    say("no-folder");
    result_of(again);
}

TEST_F(PortLinkTest, AnAgentThatIsThereIsKept) {
    start();
    result_of(runtime_.start(link_->start(time_.deadline_after(limit))));
    EXPECT_TRUE(link_->usable());
}

class PortLinkEvents : public PortLinkTest,
                       public testing::WithParamInterface<std::pair<const char*, const char*>> {};

TEST_P(PortLinkEvents, WhoWaitsIsToldWhatQemuToldOfTheGuest) {
    start();
    auto waiting = wait();
    tell(GetParam().first);
    EXPECT_EQ(failure_of(waiting), GetParam().second);
}

TEST_P(PortLinkEvents, TheReasonMayComeAfterTheAgentHasGone) {
    start();
    auto waiting = wait();
    tell_port(false);
    while (time_.sleepers() < 2) std::this_thread::yield();
    tell(GetParam().first);
    EXPECT_EQ(failure_of(waiting), GetParam().second);
}

INSTANTIATE_TEST_SUITE_P(All, PortLinkEvents,
                         testing::Values(std::pair("RESET", "the guest started anew"),
                                         std::pair("SHUTDOWN", "the guest shut down"),
                                         std::pair("GUEST_PANICKED",
                                                   "the guest's kernel panicked")));

TEST_F(PortLinkTest, AGuestWhosePowerButtonWasPressedMayGoOn) {
    start();
    auto waiting = wait();
    tell("POWERDOWN");
    put(Type::output, 1, "done");
    EXPECT_EQ(result_of(waiting)->bytes, "done");
    EXPECT_TRUE(link_->usable());
}

TEST_F(PortLinkTest, KnowsThatTheGuestStartsAnewUntilItHasAnAgentAgain) {
    start();
    EXPECT_FALSE(link_->guest_restarts());
    auto waiting = wait();
    tell("RESET");
    EXPECT_NE(failure_of(waiting), "it did not fail");
    EXPECT_TRUE(link_->guest_restarts());
}

TEST_F(PortLinkTest, AnAgentThatGoesForNoReasonWasEnded) {
    start();
    auto waiting = wait();
    tell_port(false);
    while (time_.sleepers() < 2) std::this_thread::yield();
    time_.advance(2s);
    reply_ports("on");
    EXPECT_THAT(failure_of(waiting), HasSubstr("the agent in the guest ended"));
}

TEST_F(PortLinkTest, WhoWaitsIsToldWhyQemuEnds) {
    start();
    auto waiting = wait();
    tell("SHUTDOWN", "guest-reset");
    EXPECT_THAT(failure_of(waiting), HasSubstr("start(allow_reboot=True) was not given"));
}

}  // namespace
}  // namespace charioteer::machine
