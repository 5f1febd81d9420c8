// An agent behind a socket pair. The test acts as the agent, with a manual clock.

#include "machine/agent_link.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "fakes/manual_time.hpp"
#include "fakes/peer.hpp"
#include "frames/messages.hpp"
#include "io/runtime.hpp"
#include "unit/machine/disconnect_reason.hpp"

namespace charioteer::machine {
namespace {

using namespace std::chrono_literals;
using fakes::result_of;

constexpr std::uint64_t nonce = 42;
constexpr auto silence = 10s;

class AgentLinkTest : public testing::Test {
protected:
    AgentLinkTest() : ends_(fakes::connected_pair(runtime_.executor())) {
        result_of(runtime_.start(make()));
        send_hello();
        result_of(runtime_.start(await_greeting()));
    }
    ~AgentLinkTest() override { result_of(runtime_.start(dispose())); }

    asio::awaitable<void> make() {
        auto channel = channel::Channel::open(std::move(ends_.first), disconnect_reason,
                                              {[](std::string) {}}, time_);
        channel->expect(nonce);
        auto warn = [this](std::string text) { warning_ = std::move(text); };
        link_ = std::make_shared<AgentLink>(channel, warn, runtime_.executor(), time_);
        co_return;
    }
    asio::awaitable<void> await_greeting() {
        co_await link_->channel().greeted(io::Deadline::never());
    }
    asio::awaitable<void> dispose() {
        link_->channel().close();
        link_.reset();
        co_return;
    }
    void send_hello() {
        unsigned char buffer[64];
        auto hello = frames::encode(
            frames::Hello{.version = frames::version, .nonce = nonce, .program_size = 1}, buffer);
        std::array<unsigned char, frames::header_size> header{};
        frames::write_header({.type = frames::Type::hello, .stream = 0, .sequence = 0}, hello,
                             header);
        ends_.second.send({reinterpret_cast<const char*>(header.data()), header.size()});
        ends_.second.send({reinterpret_cast<const char*>(hello.data()), hello.size()});
    }
    /// Advances the clock when the code under test sleeps.
    void pass(io::Duration step) {
        while (time_.sleepers() == 0) std::this_thread::yield();
        time_.advance(step);
    }
    std::string next_warning() {
        auto take = [](std::string* text) -> asio::awaitable<std::string> {
            co_return std::exchange(*text, "");
        };
        return result_of(runtime_.start(take(&warning_)));
    }
    static asio::awaitable<void> wait_for_command(std::shared_ptr<AgentLink> link) {
        auto call = link->channel().start({.text = "sleep 1000"});
        co_await link->watched(call->until_next(), silence);
    }

    fakes::ManualTime time_;  // outlives the runtime, whose coroutines may still sleep
    io::Runtime runtime_;
    std::pair<io::UnixStream, fakes::Peer> ends_;
    std::shared_ptr<AgentLink> link_;
    std::string warning_;  ///< of the io thread
};

TEST_F(AgentLinkTest, AnAgentThatIsSilentDoesNotAnswer) {
    auto answers = runtime_.start(link_->answers(5s));
    pass(5s);
    EXPECT_FALSE(result_of(answers));
    EXPECT_TRUE(link_->usable());
}

TEST_F(AgentLinkTest, SilenceDuringAWaitIsReported) {
    auto waiting = runtime_.start(wait_for_command(link_));
    pass(5s);
    pass(silence);
    std::string warning;
    while ((warning = next_warning()).empty()) std::this_thread::yield();
    EXPECT_EQ(warning, "waiting for the guest: its agent has sent nothing for 15 s");
    ends_.second.close();
    EXPECT_THROW(result_of(waiting), io::ConnectionLost);
}

TEST_F(AgentLinkTest, TheEndOfTheStreamIsTheEndOfTheAgent) {
    auto waiting = runtime_.start(wait_for_command(link_));
    ends_.second.close();
    try {
        result_of(waiting);
        FAIL() << "nothing was thrown";
    } catch (const io::ConnectionLost& error) {
        EXPECT_STREQ(error.what(), "QEMU ended with status 1");
    }
    EXPECT_FALSE(link_->usable());
}

}  // namespace
}  // namespace charioteer::machine
