#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

/// What the driver and its agent in the guest say to each other (docs/shell-protocol.md, "Frames").
/// Everything here is without I/O, allocation and exceptions: both ends are built of it, the
/// agent's without a C library.
namespace charioteer::frames {

using Bytes = std::span<const unsigned char>;

/// Changes whenever a frame's meaning does. The driver brings its agent along, so both ends of a
/// line are always of the same version; the number only turns away strangers.
constexpr std::uint32_t version = 3;

enum class Type : std::uint8_t {
    hello = 1,      ///< the first frame of either end: Hello
    text = 2,       ///< a piece of a command's text, before its exec
    exec = 3,       ///< starts a command: Exec, then the rest of its text
    started = 4,    ///< its process id: Started
    input = 5,      ///< bytes for its standard input
    input_end = 6,  ///< no more of them
    output = 7,     ///< bytes of its standard output
    errors = 8,     ///< bytes of its standard error
    credit = 9,     ///< more room at the receiver of a stream's bytes: Credit
    signal = 10,    ///< for the command's process group: Signal
    resize = 11,    ///< of the command's terminal: Resize
    exit = 12,      ///< its answer is complete: Exit, then pipe holders; errors may still follow
    refused = 13,   ///< why it was not started, as text; ends the stream
    ping = 14,      ///< answered by a pong with the same payload
    pong = 15,
    closed = 16,  ///< nothing more will come of the stream
    held = 17,    ///< its shell has ended, its output is still open: pipe holders, as text
    ack = 18,     ///< which frames need not be kept to be sent again: Ack
};
constexpr Type last_type = Type::ack;

/// Bytes of a header on the line.
constexpr std::size_t header_size = 28;
/// Of a payload.
constexpr std::size_t max_payload = 64 * 1024;
/// Bytes of input that a command may be sent before it gave credit for more.
constexpr std::uint32_t input_window = 64 * 1024;
/// Bytes of input that a command may at most have given credit for and not yet received. Each
/// window costs a copy a round trip, which takes long on a busy host.
constexpr std::uint32_t most_input_window = 512 * 1024;
constexpr std::size_t max_frame = header_size + max_payload;

/// What a header says, besides its magic number and checksums.
struct Header {
    Type type{};
    std::uint32_t stream = 0;    ///< 0 is the line itself
    std::uint32_t sequence = 0;  ///< counts the frames of one direction but hellos, from 0
    std::uint32_t length = 0;    ///< of the payload, in bytes
};

/// Writes the header of a frame with this payload, whose size it takes instead of header.length.
void write_header(const Header& header, Bytes payload,
                  std::span<unsigned char, header_size> target);

/// The bytes of a whole frame, of which `header` has the header.
std::size_t frame_size(const unsigned char* header);

/// How far one direction of a line has come. Two ends that say the same have seen the same frames:
/// after a guest went back to an earlier state its agent may count the same number of others.
struct Progress {
    std::uint32_t next = 0;   ///< sequence number of the next frame
    std::uint64_t chain = 0;  ///< checksum of the headers, and so of the payloads, before it

    /// `header` is that of the next frame.
    void pass(const unsigned char* header);
    friend bool operator==(const Progress&, const Progress&) = default;
};

/// What stands at the beginning of the bytes that came.
struct Scan {
    enum class Kind : std::uint8_t {
        incomplete,  ///< nothing can be said until more comes
        noise,       ///< `size` bytes that belong to no frame
        frame,       ///< a frame of `size` bytes
    };
    Kind kind = Kind::incomplete;
    std::size_t size = 0;
    Header header;
    Bytes payload;                        ///< part of what was scanned
    const unsigned char* head = nullptr;  ///< the bytes of the header, before the payload
};

/// Until an end has heard the other's hello, whatever else it hears was meant for somebody before
/// it, and a frame begun then must not keep it waiting for its end.
enum class Expect : std::uint8_t { hello, any };

/// Looks at the first bytes. Whoever calls drops `size` of them and calls again, until the rest is
/// incomplete, which is less than max_frame. After noise it finds the next frame that is whole.
Scan scan(Bytes bytes, Expect expect);

/// A checksum against noise, not against malice: 64-bit words, multiplied and folded.
std::uint64_t checksum(Bytes bytes);

}  // namespace charioteer::frames
