// The start and the end of the agent in a guest.

#include "port_link_fixture.hpp"

namespace charioteer::machine {
namespace {

using testing::HasSubstr;

TEST_F(PortLinkTest, SendsTheProgramOnceWhenThePortIsOpened) {
    auto starting = begin_start();
    read_program();
    // The script closes the port, and the agent opens it.
    send_port_event(false);
    send_port_event(true);
    send_hello();
    answer_script("started");
    result_of(starting);
    EXPECT_EQ(next_frame().first.type, Type::hello);
}

TEST_F(PortLinkTest, DoesNotSendTheProgramWhenAnotherPortIsOpened) {
    auto starting = begin_start();
    qemu_.send(
        R"({"event": "VSERPORT_CHANGE", "data": {"open": true, "id": "org.qemu.guest_agent.0"}})"
        "\n");
    // The answer to a later command shows that the event was handled.
    auto later = runtime_.start(parts_.qmp->execute("query-status", {}, io::Deadline::never()));
    reply("{}");
    result_of(later);
    answer_script("no-port");
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
    read_program();
    send_hello();
    answer_script("started");
    result_of(starting);
}

TEST_F(PortLinkTest, AProgramThatArrivesDamagedTwiceIsAnError) {
    auto starting = begin_start();
    send_damaged();
    read_program();
    send_hello("another program");
    answer_script("started");
    EXPECT_EQ(failure_of(starting), "the agent's program arrived damaged in the guest");
}

TEST_F(PortLinkTest, APermanentFailureIsNotRetried) {
    auto starting = begin_start();
    answer_script("no-port");
    EXPECT_THAT(failure_of(starting), HasSubstr("it has no port charioteer.agent"));
}

TEST_F(PortLinkTest, ATemporaryFailureIsRetried) {
    auto starting = begin_start();
    read_program();
    answer_script("status-4");
    read_script();
    answer_script("status-4");
    EXPECT_EQ(failure_of(starting), "the agent's program ended at once (status-4)");
}

TEST_F(PortLinkTest, AStartMaySucceedAfterTheShellWasRestarted) {
    auto starting = begin_start();
    auto nonce = nonce_;
    root_.send("Spawning backdoor root shell...\n");
    EXPECT_NE(failure_of<shell::Restarted>(starting), "it did not fail");
    auto again = begin_start();
    EXPECT_EQ(nonce_, nonce);
    send_hello();
    answer_script("no-folder");
    result_of(again);
}

TEST_F(PortLinkTest, ARunningAgentIsKept) {
    start();
    result_of(runtime_.start(link_->start(time_.deadline_after(limit))));
    EXPECT_TRUE(link_->usable());
}

class PortLinkEvents : public PortLinkTest,
                       public testing::WithParamInterface<std::pair<const char*, const char*>> {};

TEST_P(PortLinkEvents, ACallFailsWithTheReasonThatQemuReports) {
    start();
    auto waiting = wait();
    send_event(GetParam().first);
    EXPECT_EQ(failure_of(waiting), GetParam().second);
}

TEST_P(PortLinkEvents, TheReasonMayBeReportedAfterTheEndOfTheAgent) {
    start();
    auto waiting = wait();
    send_port_event(false);
    while (time_.sleepers() < 2) std::this_thread::yield();
    send_event(GetParam().first);
    EXPECT_EQ(failure_of(waiting), GetParam().second);
}

INSTANTIATE_TEST_SUITE_P(All, PortLinkEvents,
                         testing::Values(std::pair("RESET", "the guest rebooted"),
                                         std::pair("SHUTDOWN", "the guest shut down"),
                                         std::pair("GUEST_PANICKED",
                                                   "the guest's kernel panicked")));

TEST_F(PortLinkTest, AGuestMayRunOnAfterItsPowerButtonWasPressed) {
    start();
    auto waiting = wait();
    send_event("POWERDOWN");
    put(Type::output, 1, "done");
    EXPECT_EQ(result_of(waiting)->bytes, "done");
    EXPECT_TRUE(link_->usable());
}

TEST_F(PortLinkTest, TheGuestRestartsUntilItHasAnAgentAgain) {
    start();
    EXPECT_FALSE(link_->guest_restarts());
    auto waiting = wait();
    send_event("RESET");
    EXPECT_NE(failure_of(waiting), "it did not fail");
    EXPECT_TRUE(link_->guest_restarts());
}

TEST_F(PortLinkTest, AnAgentThatEndsWithoutAReasonIsReported) {
    start();
    auto waiting = wait();
    send_port_event(false);
    while (time_.sleepers() < 2) std::this_thread::yield();
    time_.advance(2s);
    reply_ports("on");
    EXPECT_THAT(failure_of(waiting), HasSubstr("the agent in the guest ended"));
}

TEST_F(PortLinkTest, ACallFailsWithTheReasonWhyQemuEnds) {
    start();
    auto waiting = wait();
    send_event("SHUTDOWN", "guest-reset");
    EXPECT_THAT(failure_of(waiting), HasSubstr("start(allow_reboot=True) was not given"));
}

}  // namespace
}  // namespace charioteer::machine
