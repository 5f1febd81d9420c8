// The agent receives frames with arbitrary content and bytes that are not frames, then the end of
// the connection. No process is started: a command is a process id that does not exist, with pipes.

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>

#include "agent/agent.hpp"
#include "agent/program.hpp"
#include "frames/messages.hpp"
#include "fuzz/input.hpp"

namespace charioteer::agent {

/// Larger than any process id of Linux.
constexpr long no_process = 0x3fffffff;

// In place of spawn.cpp and program.cpp.
Spawned spawn(const frames::Exec& exec, CommandText text, const Inheritance&) {
    Spawned spawned{.process = no_process};
    fuzz::require(text.data[text.size] == '\0');
    if ((exec.flags & 0x80000000) != 0) return {.process = -EAGAIN};
    int output[2];
    fuzz::require(::pipe2(output, O_CLOEXEC | O_NONBLOCK) == 0);
    spawned.output = output[0];
    fuzz::require(::write(output[1], "lines of output", 15) == 15);
    ::close(output[1]);
    if ((exec.flags & frames::Exec::with_input) != 0) {
        int input[2];
        fuzz::require(::pipe2(input, O_CLOEXEC | O_NONBLOCK) == 0);
        spawned.input = input[1];
        ::close(input[0]);
    }
    return spawned;
}

Program identify_program() {
    return {};
}

}  // namespace charioteer::agent

using namespace charioteer;
using fuzz::require;

namespace {

constexpr std::uint64_t nonce = 7;
/// The replies to this many frames fit into the buffer of a socket that is not read meanwhile.
constexpr int most_frames = 300;

class Driver {
public:
    void put(frames::Type type, std::uint32_t stream, frames::Bytes payload) {
        std::array<unsigned char, frames::header_size> header{};
        frames::write_header({.type = type, .stream = stream, .sequence = sequence_++}, payload,
                             header);
        put_bytes(header);
        put_bytes(payload);
        // Hello frames have no sequence number.
        if (type == frames::Type::hello) --sequence_;
    }
    void put_bytes(frames::Bytes bytes) {
        sent_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    void lose_frame() { ++sequence_; }
    const std::string& sent() const { return sent_; }

private:
    std::uint32_t sequence_ = 0;
    std::string sent_;
};

std::string generate(fuzz::Input input) {
    Driver driver;
    unsigned char buffer[64];
    driver.put(frames::Type::hello, 0,
               frames::encode(
                   frames::Hello{
                       .version = frames::version, .nonce = nonce, .flags = frames::Hello::reset},
                   buffer));
    for (int count = 0; !input.empty() && count < most_frames; ++count) {
        auto type = input.byte();
        std::uint32_t stream = input.byte() % 8U;
        std::size_t taken = 0;
        const auto* begin = input.bytes(input.byte(), taken);
        if (type == 0xff)
            driver.put_bytes({begin, taken});
        else if (type == 0xfe)
            driver.lose_frame();
        else
            driver.put(static_cast<frames::Type>(type % 20), stream, {begin, taken});
    }
    return driver.sent();
}

void check_answers(int line) {
    std::string received;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::read(line, buffer, sizeof buffer)) > 0;)
        received.append(buffer, static_cast<std::size_t>(got));
    std::optional<std::uint32_t> expected;
    frames::Bytes left{reinterpret_cast<const unsigned char*>(received.data()), received.size()};
    while (!left.empty()) {
        auto found = frames::scan(left, frames::Expect::any);
        require(found.kind == frames::Scan::Kind::frame);
        bool hello = found.header.type == frames::Type::hello;
        // After a hello the agent may restart its numbers, or resend the frames that the driver
        // requested.
        require(hello || !expected || found.header.sequence == *expected);
        expected.reset();
        if (!hello) expected = found.header.sequence + 1;
        left = left.subspan(found.size);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto sent = generate({data, size});
    int ends[2];
    require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    require(::write(ends[0], sent.data(), sent.size()) == static_cast<ssize_t>(sent.size()));
    ::shutdown(ends[0], SHUT_WR);
    auto agent = std::make_unique<agent::Agent>();
    require(agent->run(ends[1], nonce, {}) == 1);
    ::close(ends[1]);
    check_answers(ends[0]);
    ::close(ends[0]);
    return 0;
}
