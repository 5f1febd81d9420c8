#pragma once

#include <sys/un.h>

#include <array>
#include <cstddef>
#include <string>

#include "vlan/frame.hpp"

/// The VDE control protocol of libvdeplug. A plug connects to the stream socket `ctl` and sends one
/// request in the host's byte order:
///
///     u32 magic 0xfeedface, u32 version 3, u32 type, struct sockaddr_un, description (text, rest)
///
/// The address is that of the datagram socket on which the plug receives frames. The reply is the
/// sockaddr_un of the hub's datagram socket for this plug; from then on each datagram is one frame.
/// The plug is attached until the control connection ends.
namespace charioteer::vlan::vde {

inline constexpr std::uint32_t magic = 0xfeedface;
inline constexpr std::uint32_t version = 3;
/// The low byte of the type; the other bytes are the number of the requested port, 0 for any.
inline constexpr std::uint32_t new_control = 0;
/// Magic, version, type and address. The description follows.
inline constexpr std::size_t request_size = 3 * sizeof(std::uint32_t) + sizeof(sockaddr_un);

enum class Progress {
    incomplete,
    complete,
    garbage,  ///< invalid; see RequestReader::error()
};

/// Parses one request, which arrives in any pieces. No I/O.
class RequestReader {
public:
    /// Takes the next bytes. Bytes after the request are ignored.
    Progress feed(Bytes bytes);

    /// The plug's datagram socket; valid if `complete`.
    const sockaddr_un& address() const noexcept { return address_; }
    /// The problem, if `garbage`; continues the sentence "a request ...".
    const std::string& error() const noexcept { return error_; }

private:
    Progress parse();

    std::array<std::byte, request_size> request_{};
    std::size_t size_ = 0;
    sockaddr_un address_{};
    std::string error_;
};

}  // namespace charioteer::vlan::vde
