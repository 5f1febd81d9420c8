#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "frames/frame.hpp"

/// The payloads that have fields. They are encoded in the order in which they are listed in
/// fields(), little endian, each as long as its type and without padding.
namespace charioteer::frames {

/// The nonce shows that the hello is of this connection and not of an earlier one; from the driver,
/// 0 means any agent. Each end gives the position of the last frame that it received, so that lost
/// frames can be sent again. Hellos are not numbered.
struct Hello {
    enum Flag : std::uint32_t {
        reset = 1,      ///< from the driver: both directions count from 0 again
        continues = 2,  ///< from the agent: it can continue from the driver's position
    };
    std::uint32_t version = 0;
    std::uint64_t nonce = 0;
    std::uint64_t program_size = 0;      ///< of the agent's own file, in bytes; 0 from the driver
    std::uint64_t program_checksum = 0;  ///< of the agent's own file; 0 from the driver
    std::uint32_t epoch =
        0;  ///< counts the driver's hellos; the agent's first, which answers none, has 0
    std::uint32_t flags = 0;
    std::uint32_t next = 0;   ///< as Progress::next, of the frames received
    std::uint64_t chain = 0;  ///< as Progress::chain

    void fields(auto&& each) {
        each(version, nonce, program_size, program_checksum, epoch, flags, next, chain);
    }
};

/// Followed by the rest of the command's text: a script for bash or /bin/sh, or the words of a
/// built-in program, each terminated by a NUL.
struct Exec {
    enum Flag : std::uint32_t {
        with_input = 1,   ///< its standard input is sent in input frames, else it is /dev/null
        on_terminal = 2,  ///< its streams are a new terminal, which controls it
        no_output = 4,    ///< its standard output is /dev/null
        strict = 8,       ///< it begins with `set -euo pipefail`
        built_in = 16,    ///< it is a built-in program of the agent, not a script
        posix = 32,       ///< the script is for /bin/sh, not bash
    };
    std::uint32_t flags = 0;
    std::uint32_t limit = 0;    ///< milliseconds after which its group is ended; 0 is never
    std::uint32_t credit = 0;   ///< initial credit for output and errors, in bytes
    std::uint16_t rows = 0;     ///< of its terminal
    std::uint16_t columns = 0;  ///< of its terminal
    /// Milliseconds from the end of its shell to the report on processes that still have its output
    /// open; 0 is never.
    std::uint32_t holder_report = 0;
    /// Milliseconds without output after the end of its shell, after which the processes that have
    /// it open are not waited for any more; 0 is never.
    std::uint32_t holder_limit = 0;

    void fields(auto&& each) {
        each(flags, limit, credit, rows, columns, holder_report, holder_limit);
    }
};

struct Started {
    std::uint32_t process = 0;  ///< its process id, which is that of its group too

    void fields(auto&& each) { each(process); }
};

struct Credit {
    std::uint32_t bytes = 0;

    void fields(auto&& each) { each(bytes); }
};

/// The sender has received all frames before number `next`.
struct Ack {
    std::uint32_t next = 0;

    void fields(auto&& each) { each(next); }
};

/// Set in the stream number of a command that was started before the line was reset; its frames are
/// ignored.
constexpr std::uint32_t orphan = std::uint32_t{1} << 31;

/// Bytes of frames that are received before an ack is sent.
constexpr std::size_t ack_piece = 32 * 1024;

struct Signal {
    std::uint32_t number = 0;  ///< 0: SIGTERM, and SIGKILL to what is left of the group later

    void fields(auto&& each) { each(number); }
};

struct Resize {
    std::uint16_t rows = 0;
    std::uint16_t columns = 0;

    void fields(auto&& each) { each(rows, columns); }
};

/// When `held`, followed by the processes that it is about, "name (pid n)", separated by ", ", as
/// far as they were found.
struct Exit {
    enum Held : std::uint32_t {
        output_open = 1,  ///< its output was still open after the holder limit
        not_ended = 2,    ///< its limit has passed, and SIGKILL has not ended all of its group
    };
    std::uint32_t status = 0;        ///< as in a shell: 128 + n after signal n
    std::uint32_t signal = 0;        ///< that ended it, or 0
    std::uint32_t timed_out = 0;     ///< 1 when its limit ended it; the status then is 124
    std::uint64_t microseconds = 0;  ///< from its start to the end of its shell
    std::uint32_t held = 0;          ///< why the answer is sent before it is complete, or 0

    void fields(auto&& each) { each(status, signal, timed_out, microseconds, held); }
};

/// Writes the fields into `target`, which must have room for them; returns the bytes written.
template <class Message>
Bytes encode(Message message, std::span<unsigned char> target) {
    std::size_t size = 0;
    auto put = [&](auto value) {
        std::memcpy(target.data() + size, &value, sizeof value);  // both ends are little endian
        size += sizeof value;
    };
    message.fields([&](auto... values) { (put(values), ...); });
    return target.first(size);
}

/// Reads the fields from the beginning of `payload` and removes them from it. False, without any
/// change, when it is too short.
template <class Message>
bool decode(Bytes& payload, Message& message) {
    std::size_t size = 0;
    message.fields([&](auto... values) { size = (sizeof values + ...); });
    if (payload.size() < size) return false;
    const auto* source = payload.data();
    auto get = [&](auto& value) {
        std::memcpy(&value, source, sizeof value);
        source += sizeof value;
    };
    message.fields([&](auto&... values) { (get(values), ...); });
    payload = payload.subspan(size);
    return true;
}

}  // namespace charioteer::frames
