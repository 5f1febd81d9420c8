// The channel and the agent itself, which runs on this host.

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <mutex>
#include <thread>

#include "channel/channel.hpp"
#include "fakes/paths.hpp"
#include "fakes/peer.hpp"
#include "io/runtime.hpp"

namespace charioteer::channel {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

struct Result {
    std::string output;
    std::string errors;
    command::Outcome outcome;
};

class RealAgentTest : public testing::Test {
protected:
    RealAgentTest() : ends_(fakes::connected_pair(runtime_.executor())) {
        auto disconnect_reason = []() -> asio::awaitable<std::string> {
            co_return "the agent has ended";
        };
        auto late = [this](std::string line) {
            std::lock_guard lock(mutex_);
            late_ += line + "\n";
        };
        auto held = [this](const HeldOutput& output) {
            std::lock_guard lock(mutex_);
            held_.push_back(output);
        };
        channel_ = Channel::open(std::move(ends_.first), disconnect_reason,
                                 {late, held, holder_limit}, runtime_.time());
        auto opening = runtime_.start(greet(channel_, runtime_.time().deadline_after(100s)));
        start_agent();
        fakes::result_of(std::move(opening));
    }
    ~RealAgentTest() override {
        on_io([this] {
            channel_->close();
            channel_.reset();
        });
        ::kill(agent_, SIGKILL);
        ::waitpid(agent_, nullptr, 0);
    }
    static asio::awaitable<void> greet(std::shared_ptr<Channel> channel, io::Deadline deadline) {
        channel->expect(0xabc);
        co_await channel->greeted(deadline);
    }
    void start_agent() {
        int copy = ::fcntl(ends_.second.descriptor(), F_DUPFD, 100);
        auto number = std::to_string(copy);
        std::string nonce = "abc";
        std::string name = fakes::agent_program;
        char* words[] = {name.data(), number.data(), nonce.data(), nullptr};
        ASSERT_EQ(::posix_spawn(&agent_, fakes::agent_program, nullptr, nullptr, words, environ),
                  0);
        ::close(copy);
        ends_.second.close();
    }
    template <class Action>
    void on_io(Action action) {
        auto operation = [](Action body) -> asio::awaitable<void> {
            body();
            co_return;
        };
        fakes::result_of(runtime_.start(operation(std::move(action))));
    }
    static asio::awaitable<Result> collect(std::shared_ptr<Call> call) {
        Result result;
        while (auto piece = co_await call->next())
            (piece->source == Source::output ? result.output : result.errors) += piece->bytes;
        result.outcome = call->outcome();
        co_return result;
    }
    static asio::awaitable<Result> run(std::shared_ptr<Channel> channel, command::Command command) {
        co_return co_await collect(channel->start(std::move(command)));
    }
    io::Pending<Result> begin(command::Command command) {
        return runtime_.start(run(channel_, std::move(command)));
    }
    Result result_of(command::Command command) {
        return fakes::result_of(begin(std::move(command)));
    }
    std::shared_ptr<Call> start(command::Command command) {
        std::shared_ptr<Call> call;
        on_io([&] { call = channel_->start(std::move(command)); });
        return call;
    }
    void drop(std::shared_ptr<Call> call) {
        on_io([held = std::move(call)]() mutable { held.reset(); });
    }
    static asio::awaitable<void> feed(std::shared_ptr<Call> call, std::string text) {
        co_await call->write(std::move(text));
        call->end_input();
    }
    /// Waits until there is no such process, or it is a zombie.
    static bool ends(int process) {
        for (int i = 0; i < 10'000; ++i) {
            auto path = fmt::format("/proc/{}/stat", process);
            auto* file = std::fopen(path.c_str(), "r");
            if (file == nullptr) return true;
            char state = 0;
            bool read = std::fscanf(file, "%*d %*s %c", &state) == 1;
            std::fclose(file);
            if (read && state == 'Z') return true;
            std::this_thread::sleep_for(10ms);
        }
        return false;
    }
    /// The first output of a running command.
    std::string first_words(const std::shared_ptr<Call>& call) {
        return fakes::result_of(runtime_.start(call->next()))->bytes;
    }

    static constexpr auto holder_limit = 1s;
    io::Runtime runtime_;
    std::pair<io::UnixStream, fakes::Peer> ends_;
    std::mutex mutex_;
    std::string late_;
    std::vector<HeldOutput> held_;
    pid_t agent_ = -1;
    std::shared_ptr<Channel> channel_;
};

TEST_F(RealAgentTest, ReportsOutputErrorsAndStatus) {
    auto result = result_of({.text = "echo out; echo err >&2; exit 3"});
    EXPECT_EQ(result.output, "out\n");
    EXPECT_EQ(result.errors, "err\n");
    EXPECT_EQ(result.outcome.status, 3);
    EXPECT_EQ(result_of({.text = "kill -9 $$"}).outcome.signal, 9);
    EXPECT_EQ(result_of({.text = "sleep 60", .limit = command::Limit{50ms, "0.05"}}).outcome.status,
              124);
    EXPECT_NE(result_of({.text = "false; echo no"}).outcome.status, 0);
    EXPECT_EQ(result_of({.text = "false; echo yes", .kind = command::Command::Kind::script}).output,
              "yes\n");
}

TEST_F(RealAgentTest, RunsTwoHundredCommandsConcurrently) {
    std::vector<io::Pending<Result>> running;
    for (int i = 0; i < 200; ++i)
        running.push_back(begin({.text = fmt::format("echo {}; exit {}", i, i)}));
    for (int i = 0; i < 200; ++i) {
        auto result = fakes::result_of(std::move(running[static_cast<std::size_t>(i)]));
        EXPECT_EQ(result.output, fmt::format("{}\n", i));
        EXPECT_EQ(result.outcome.status, i);
    }
}

TEST_F(RealAgentTest, FiftyMegabytesAreCompleteInBothDirections) {
    std::string text;
    text.reserve(50'000'000);
    for (std::uint32_t i = 0; text.size() < 50'000'000; ++i)
        text.append(reinterpret_cast<const char*>(&i), sizeof i);
    auto call = start({.text = "cat", .stream_input = true});
    auto feeding = runtime_.start(feed(call, text));
    auto result = fakes::result_of(runtime_.start(collect(call)));
    fakes::result_of(std::move(feeding));
    EXPECT_TRUE(result.output == text) << result.output.size();
    drop(std::move(call));
}

TEST_F(RealAgentTest, AnUnreadCommandDoesNotDelayAnother) {
    auto slow = start({.text = "head -c 3000000 /dev/zero"});
    EXPECT_EQ(result_of({.text = "head -c 1000000 /dev/zero"}).output.size(), 1'000'000u);
    EXPECT_FALSE(slow->ended());
    EXPECT_EQ(fakes::result_of(runtime_.start(collect(slow))).output.size(), 3'000'000u);
    drop(std::move(slow));
}

TEST_F(RealAgentTest, DroppingACallEndsItsWholeGroup) {
    auto call = start({.text = "sleep 600 & echo $!; wait"});
    auto process = std::stoi(first_words(call));
    EXPECT_EQ(::kill(process, 0), 0);
    drop(std::move(call));
    EXPECT_TRUE(ends(process));
}

TEST_F(RealAgentTest, ADetachedCallRunsOn) {
    auto call = start({.text = "echo begun; read -r line; echo $line >&2", .stream_input = true});
    first_words(call);
    fakes::result_of(runtime_.start(feed(call, "")));
    on_io([&] { call->detach(); });
    drop(std::move(call));
    EXPECT_EQ(result_of({.text = "echo next"}).output, "next\n");
}

TEST_F(RealAgentTest, NamesAbandonedHoldersAndReportsTheirLaterErrors) {
    // The shell ends when the pipe holder, whose id it reads from a pipe, has set its signal
    // handler.
    std::string command =
        "head -c 250000 /dev/zero; exec 4<><(:); (trap 'echo late >&2; exit' USR1; "
        "echo $BASHPID >&4; while :; do sleep 0.1; done) & read -r holder <&4; echo $holder >&2; "
        "exit 0";
    auto result = result_of({.text = command});
    EXPECT_EQ(result.outcome.status, 0);
    EXPECT_EQ(result.output.size(), 250'000u);
    {
        std::lock_guard lock(mutex_);
        ASSERT_EQ(held_.size(), 1u);
        EXPECT_EQ(held_[0].state, HeldOutput::State::given_up);
        EXPECT_EQ(held_[0].command, command);
        EXPECT_THAT(held_[0].holders, HasSubstr("(pid "));
    }
    ::kill(std::stoi(result.errors), SIGUSR1);
    for (int i = 0; i < 10'000; ++i) {
        std::this_thread::sleep_for(10ms);
        std::lock_guard lock(mutex_);
        if (late_ == "late\n") return;
    }
    ADD_FAILURE() << late_;
}

TEST_F(RealAgentTest, ATerminalHasItsSize) {
    auto result =
        result_of({.text = "stty size; test -t 0", .terminal = command::TerminalSize{33, 99}});
    EXPECT_EQ(result.output, "33 99\r\n");
    EXPECT_EQ(result.outcome.status, 0);
}

TEST_F(RealAgentTest, ItsEndIsReportedToAllWaiters) {
    auto waiting = begin({.text = "sleep 600"});
    ::kill(agent_, SIGKILL);
    EXPECT_THROW(fakes::result_of(std::move(waiting)), io::ConnectionLost);
}

TEST_F(RealAgentTest, EndsWhenAnotherAgentIsExpected) {
    on_io([this] { channel_->expect(0xdef); });
    int status = 0;
    EXPECT_EQ(::waitpid(agent_, &status, 0), agent_);
    EXPECT_TRUE(WIFEXITED(status));
}

}  // namespace
}  // namespace charioteer::channel
