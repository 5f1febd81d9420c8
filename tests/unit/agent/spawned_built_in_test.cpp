#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <string_view>
#include <vector>

#include "fakes/paths.hpp"
#include "frames/messages.hpp"
#include "io/unique_fd.hpp"

namespace charioteer::agent {
namespace {

using namespace std::string_view_literals;
using frames::Type;

/// An agent on a socket pair.
class SpawnedBuiltIn : public testing::Test {
protected:
    void SetUp() override {
        int ends[2];
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        line_ = io::UniqueFd(ends[0]);
        io::UniqueFd theirs(ends[1]);
        agent_ = ::fork();
        if (agent_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::fcntl(theirs.get(), F_SETFD, 0);
            auto number = std::to_string(theirs.get());
            ::execl(fakes::agent_program, fakes::agent_program, number.c_str(), "1", nullptr);
            ::_exit(127);
        }
        unsigned char buffer[64];
        frames::Hello hello{
            .version = frames::version, .nonce = 1, .epoch = 1, .flags = frames::Hello::reset};
        put(Type::hello, 0, frames::encode(hello, buffer));
        sequence_ = 0;  // hello frames have no sequence number
    }
    void TearDown() override { end_agent(); }

    void end_agent() {
        if (agent_ <= 0) return;
        ::kill(agent_, SIGKILL);
        ::waitpid(agent_, nullptr, 0);
        agent_ = -1;
    }
    void put(Type type, std::uint32_t stream, frames::Bytes payload = {}) {
        std::vector<unsigned char> frame(frames::header_size);
        frames::write_header({.type = type, .stream = stream, .sequence = sequence_++}, payload,
                             std::span(frame).first<frames::header_size>());
        frame.insert(frame.end(), payload.begin(), payload.end());
        ASSERT_EQ(::write(line_.get(), frame.data(), frame.size()),
                  static_cast<ssize_t>(frame.size()));
    }
    void execute(std::uint32_t stream, std::uint32_t flags, std::string_view text) {
        unsigned char buffer[64];
        auto fields = frames::encode(frames::Exec{.flags = flags, .credit = 4096}, buffer);
        std::vector<unsigned char> payload(fields.begin(), fields.end());
        payload.insert(payload.end(), text.begin(), text.end());
        put(Type::exec, stream, payload);
    }
    /// The payload of the next frame of this type; empty if none arrives.
    std::vector<unsigned char> wait_for(Type type, std::uint32_t stream) {
        for (;;) {
            auto found = frames::scan(received_, frames::Expect::any);
            if (found.kind == frames::Scan::Kind::incomplete) {
                pollfd entry{.fd = line_.get(), .events = POLLIN, .revents = 0};
                unsigned char buffer[4096];
                auto got =
                    ::poll(&entry, 1, 60'000) == 1 ? ::read(line_.get(), buffer, sizeof buffer) : 0;
                if (got <= 0) return {};
                received_.insert(received_.end(), buffer, buffer + got);
                continue;
            }
            std::vector<unsigned char> payload(found.payload.begin(), found.payload.end());
            bool wanted = found.header.type == type && found.header.stream == stream;
            received_.erase(received_.begin(),
                            received_.begin() + static_cast<std::ptrdiff_t>(found.size));
            if (wanted && found.kind == frames::Scan::Kind::frame) return payload;
        }
    }
    template <class Message>
    Message expect(Type type, std::uint32_t stream) {
        Message message;
        auto payload = wait_for(type, stream);
        frames::Bytes bytes = payload;
        EXPECT_TRUE(frames::decode(bytes, message));
        return message;
    }

    pid_t agent_ = -1;
    io::UniqueFd line_;
    std::uint32_t sequence_ = 0;
    std::vector<unsigned char> received_;
};

constexpr auto endless = "wait-file\0/nowhere/at/all\0"sv;

TEST_F(SpawnedBuiltIn, InheritsNoPipesOfOtherCommands) {
    execute(1, frames::Exec::with_input, "exec cat");
    expect<frames::Started>(Type::started, 1);
    execute(2, frames::Exec::built_in, endless);
    expect<frames::Started>(Type::started, 2);
    put(Type::input_end, 1);
    auto exit = expect<frames::Exit>(Type::exit, 1);
    EXPECT_EQ(exit.status, 0U);
    EXPECT_EQ(exit.held, 0U);
}

TEST_F(SpawnedBuiltIn, EndsWithTheAgent) {
    execute(1, frames::Exec::built_in, endless);
    auto started = expect<frames::Started>(Type::started, 1);
    io::UniqueFd end(static_cast<int>(::syscall(SYS_pidfd_open, started.process, 0)));
    ASSERT_TRUE(end);
    end_agent();
    pollfd entry{.fd = end.get(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&entry, 1, 60'000), 1);
}

TEST_F(SpawnedBuiltIn, ExpandsTheHomeOfTheAgentsEnvironment) {
    execute(1, frames::Exec::built_in, "wait-file\0~\0"sv);
    EXPECT_EQ(expect<frames::Exit>(Type::exit, 1).status, 0U);
}

}  // namespace
}  // namespace charioteer::agent
