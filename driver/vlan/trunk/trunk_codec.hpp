#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "vlan/frame.hpp"
#include "vlan/stream.hpp"

/// What is sent over a trunk: a hello of each side, then records in both directions. A record is a
/// frame as on a QEMU stream, or the name of the machine that has an address. No I/O.
namespace charioteer::vlan::trunk {

/// Of one segment: two trunks between the same segments would make a loop.
using SegmentId = std::array<std::byte, 16>;
/// A new one, at random. Throws io::Error.
SegmentId random_segment_id();

/// What one side of a trunk introduces itself with.
struct Hello {
    unsigned vlan = 0;
    SegmentId segment{};
};

/// That `machine` has `address` behind the trunk.
struct Name {
    Address address = 0;
    std::string machine;
};

inline constexpr std::size_t hello_size = 32;
/// The longest name of a machine, in bytes; longer ones are not sent.
inline constexpr std::size_t max_name_size = 255;

std::string encode(const Hello& hello);
/// Empty if the name is empty, too long, or has control characters.
std::string encode(const Name& name);

/// Decodes what the other side sends, which arrives in any pieces.
class Decoder {
public:
    /// `refuse` is called once, with the hello of the other side; what it returns ends the trunk,
    /// unless it is empty.
    explicit Decoder(std::function<std::string(const Hello&)> refuse)
        : refuse_(std::move(refuse)) {}

    /// As those of StreamBuffer.
    std::span<std::byte> room() { return buffer_.room(); }
    void received(std::size_t length) noexcept { buffer_.received(length); }

    /// Appends all complete records to `frames`, which are valid until the next room(), and
    /// `names`. Returns why the stream is invalid; empty: it is valid. Not to be called after that.
    std::string decode(std::vector<Frame>& frames, std::vector<Name>& names);

    /// Whether the hello was accepted.
    bool is_joined() const noexcept { return is_joined_; }
    /// How the stream ends if it ends now: "closed by the other side", or what is incomplete.
    std::string end() const;

private:
    std::string take_hello();

    StreamBuffer buffer_;
    std::function<std::string(const Hello&)> refuse_;
    bool is_joined_ = false;
};

}  // namespace charioteer::vlan::trunk
