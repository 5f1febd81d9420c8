#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <fstream>

#include "fakes/manual_time.hpp"
#include "fakes/peer.hpp"
#include "fakes/temporary_directory.hpp"
#include "frames/messages.hpp"
#include "io/runtime.hpp"
#include "machine/agent_program.hpp"
#include "machine/port_link.hpp"
#include "unit/machine/disconnect_reason.hpp"

namespace charioteer::machine {

using namespace std::chrono_literals;
using fakes::result_of;
using frames::Type;

inline constexpr std::string_view program = "an agent's program";
inline constexpr auto limit = 60s;
inline constexpr auto silence = 10s;

inline std::uint64_t checksum_of(std::string_view text) {
    return frames::checksum({reinterpret_cast<const unsigned char*>(text.data()), text.size()});
}

inline std::string between(std::string_view text, std::string_view before, std::string_view after) {
    auto begin = text.find(before) + before.size();
    return std::string(text.substr(begin, text.find(after, begin) - begin));
}

/// The test acts as QEMU, as the root shell and as the agent, with a manual clock.
class PortLinkTest : public testing::Test {
protected:
    PortLinkTest()
        : shell_ends_(fakes::connected_pair(runtime_.executor())),
          channel_ends_(fakes::connected_pair(runtime_.executor())),
          qmp_ends_(fakes::connected_pair(runtime_.executor())) {
        std::ofstream(directory_.path() / "charioteer-agent-x86_64") << program;
        ::setenv("CHARIOTEER_AGENT_DIRECTORY", directory_.path().c_str(), 1);
        auto opening = runtime_.start(make());
        qemu_.send(R"({"QMP": {"version": {"qemu": {"micro": 2, "minor": 0, "major": 10}}}})"
                   "\n");
        reply(R"({})");
        result_of(opening);
    }
    ~PortLinkTest() override {
        result_of(runtime_.start(dispose()));
        ::unsetenv("CHARIOTEER_AGENT_DIRECTORY");
    }

    asio::awaitable<void> make() {
        parts_.shell = shell::Session::open(std::move(shell_ends_.first), disconnect_reason, time_);
        parts_.channel = channel::Channel::open(std::move(channel_ends_.first), disconnect_reason,
                                                {[](std::string) {}}, time_);
        parts_.qmp = co_await qmp::Client::open(std::move(qmp_ends_.first), disconnect_reason,
                                                io::Deadline::never());
        parts_.guest = GuestState::of(*parts_.qmp, runtime_.executor());
        parts_.warn = [this](std::string text) { warnings_ += text + "\n"; };
        parts_.load_program = [](std::string processor) -> asio::awaitable<std::string> {
            co_return load_agent_program(processor);
        };
        link_ = PortLink::make(parts_, runtime_.executor(), time_);
    }
    asio::awaitable<void> dispose() {
        parts_.qmp->close();
        parts_.channel->close();
        parts_.shell->close();
        call_.reset();
        link_.reset();
        parts_ = {};
        co_return;
    }

    // The test as QEMU.
    void reply(std::string_view value) {
        auto request = qemu_.read_line();
        qemu_.send(fmt::format("{{\"return\": {}, \"id\": {}}}\n", value,
                               std::stoi(between(request, "\"id\":", "}"))));
    }
    void send_event(std::string_view event, std::string_view reason = "") {
        auto data = reason.empty() ? "" : fmt::format("\"reason\": \"{}\"", reason);
        qemu_.send(fmt::format("{{\"event\": \"{}\", \"data\": {{{}}}}}\n", event, data));
    }
    /// Reports in QEMU's tree of devices whether the console and the agent's port are open.
    void reply_ports(std::string_view console, std::string_view agent = "off") {
        reply(fmt::format(R"("dev: virtserialport, id \"charioteer.agent\"\n guest {}\n)"
                          R"(dev: virtconsole, id \"\"\n chardev = \"shell\"\n port 0, guest {}\n)"
                          R"(dev: rtl8139\n guest off\n")",
                          agent, console));
    }
    void send_port_event(bool open) {
        qemu_.send(fmt::format(
            R"({{"event": "VSERPORT_CHANGE", "data": {{"open": {}, "id": "charioteer.agent"}}}})"
            "\n",
            open));
    }

    // The test as the root shell.
    std::string read_script() {
        std::string script;
        while (script.find(":0 0\"") == std::string::npos) script += root_.read_line() + "\n";
        nonce_ = std::stoull(between(script, "\"$file\" 0 ", " detach"), nullptr, 16);
        number_ = between(script, "echo \"#\"\"", "~");
        return script;
    }
    void answer_script(std::string_view word) {
        root_.send(fmt::format("#{0}~{1}\n#{0}:0 0\n", number_, word));
    }

    // The test as the agent.
    void put(Type type, std::uint32_t stream, std::string_view payload) {
        std::array<unsigned char, frames::header_size> header{};
        frames::write_header(
            {.type = type, .stream = stream, .sequence = sequence_++},
            {reinterpret_cast<const unsigned char*>(payload.data()), payload.size()}, header);
        agent_.send({reinterpret_cast<const char*>(header.data()), header.size()});
        agent_.send(payload);
    }
    void send_hello(std::string_view file = program) {
        received_ = {};
        unsigned char buffer[64];
        sequence_ = 0;
        auto hello = frames::encode(frames::Hello{.version = frames::version,
                                                  .nonce = nonce_,
                                                  .program_size = file.size(),
                                                  .program_checksum = checksum_of(file)},
                                    buffer);
        put(Type::hello, 0, {reinterpret_cast<const char*>(hello.data()), hello.size()});
        sequence_ = 0;  // hellos are not numbered
    }
    /// Answers the hello by which the driver requests the agent's position.
    void agree(std::uint32_t flags = frames::Hello::continues) {
        auto payload = next_payload_of(Type::hello);
        frames::Bytes bytes(reinterpret_cast<const unsigned char*>(payload.data()), payload.size());
        frames::Hello request;
        ASSERT_TRUE(frames::decode(bytes, request));
        bool reset = (request.flags & frames::Hello::reset) != 0;
        if (reset) received_ = {};
        unsigned char buffer[64];
        auto answer = frames::encode(frames::Hello{.version = frames::version,
                                                   .nonce = nonce_,
                                                   .program_size = program.size(),
                                                   .program_checksum = checksum_of(program),
                                                   .epoch = request.epoch,
                                                   .flags = flags,
                                                   .next = received_.next,
                                                   .chain = received_.chain},
                                     buffer);
        auto next = sequence_;
        put(Type::hello, 0, {reinterpret_cast<const char*>(answer.data()), answer.size()});
        sequence_ = reset ? 0 : next;
    }
    /// The next frame of the driver: its header and its payload.
    std::pair<frames::Header, std::string> next_frame() {
        std::string bytes;
        for (;;) {
            bytes += agent_.read(1);
            if (bytes.starts_with('\0')) bytes.clear();  // padding
            auto found =
                frames::scan({reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()},
                             frames::Expect::any);
            if (found.kind == frames::Scan::Kind::frame && found.header.type != Type::hello)
                received_.pass(found.head);
            if (found.kind == frames::Scan::Kind::frame)
                return {found.header, std::string(found.payload.begin(), found.payload.end())};
            EXPECT_NE(found.kind, frames::Scan::Kind::noise) << bytes;
        }
    }
    std::string next_payload_of(Type type) {
        for (;;) {
            auto [header, payload] = next_frame();
            if (header.type == type) return payload;
        }
    }

    /// The beginning of start(), up to the script that is sent to the shell.
    io::Pending<void> begin_start() {
        auto starting = runtime_.start(link_->start(time_.deadline_after(limit)));
        reply(R"({"arch": "x86_64"})");
        read_script();
        return starting;
    }
    /// The script opens the port and reads the program.
    void read_program() {
        send_port_event(true);
        auto upload = agent_upload(program, nonce_);
        EXPECT_EQ(agent_.read(upload.size()), upload);
    }
    /// The program arrives damaged, and is sent again.
    void send_damaged() {
        read_program();
        send_hello("another program");
        answer_script("started");
        read_script();
        // The hellos end the agent with the damaged program.
        next_payload_of(Type::hello);
        next_payload_of(Type::hello);
    }
    void start() {
        auto starting = begin_start();
        read_program();
        send_hello();
        answer_script("started");
        result_of(starting);
        next_payload_of(Type::hello);
    }
    /// A command that waits for the guest, run by AgentLink::watched().
    io::Pending<std::optional<channel::Piece>> wait() {
        auto operation = [](PortLinkTest* test) -> asio::awaitable<std::optional<channel::Piece>> {
            test->call_ = test->parts_.channel->start({.text = "sleep 1000"});
            auto next = test->call_->next();
            co_return co_await test->link_->watched(std::move(next), silence);
        };
        auto waiting = runtime_.start(operation(this));
        next_payload_of(Type::exec);
        return waiting;
    }
    /// Waits until the driver has received a frame of the agent at the current time.
    void wait_until_received() {
        auto received = [](channel::Channel* channel) -> asio::awaitable<io::TimePoint> {
            co_return channel->last_received();
        };
        while (result_of(runtime_.start(received(parts_.channel.get()))) != time_.now())
            std::this_thread::yield();
    }
    /// The warnings so far.
    std::string warnings() {
        auto read = [](PortLinkTest* test) -> asio::awaitable<std::string> {
            co_return test->warnings_;
        };
        return result_of(runtime_.start(read(this)));
    }
    void pass(io::Duration step) {
        while (time_.sleepers() == 0) std::this_thread::yield();
        time_.advance(step);
    }
    template <class Failure = io::Error, class T>
    std::string failure_of(io::Pending<T> pending) {
        try {
            result_of(std::move(pending));
        } catch (const Failure& failure) {
            return failure.what();
        }
        return "it did not fail";
    }

    fakes::TemporaryDirectory directory_;
    fakes::ManualTime time_;  // outlives the runtime, whose coroutines may still sleep
    io::Runtime runtime_;
    std::pair<io::UnixStream, fakes::Peer> shell_ends_;
    std::pair<io::UnixStream, fakes::Peer> channel_ends_;
    std::pair<io::UnixStream, fakes::Peer> qmp_ends_;
    fakes::Peer& root_ = shell_ends_.second;
    fakes::Peer& agent_ = channel_ends_.second;
    fakes::Peer& qemu_ = qmp_ends_.second;
    PortLink::Parts parts_;
    std::shared_ptr<PortLink> link_;
    std::shared_ptr<channel::Call> call_;
    std::uint64_t nonce_ = 0;
    std::string number_;
    std::uint32_t sequence_ = 0;
    frames::Progress received_;  ///< of the driver's frames
    std::string warnings_;       ///< of the io thread
};

}  // namespace charioteer::machine
