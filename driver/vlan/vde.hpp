#pragma once

#include <sys/un.h>

#include <array>
#include <cstddef>
#include <string>

#include "vlan/frame.hpp"

/// The VDE control protocol as libvdeplug speaks it. A plug connects to the stream socket `ctl`
/// and sends one request in the host's byte order:
///
///     u32 magic 0xfeedface, u32 version 3, u32 type, struct sockaddr_un, description (text, rest)
///
/// The address is that of the datagram socket on which the plug takes frames. The answer is the
/// sockaddr_un of the hub's datagram socket for this plug; from then on one datagram is one
/// frame. The plug is attached until the control connection ends.
namespace charioteer::vlan::vde {

inline constexpr std::uint32_t magic = 0xfeedface;
inline constexpr std::uint32_t version = 3;
/// The low byte of the type; above it is the number of the wished port, 0 for any.
inline constexpr std::uint32_t new_control = 0;
/// Magic, version, type, address. What follows is free text.
inline constexpr std::size_t request_size = 3 * sizeof(std::uint32_t) + sizeof(sockaddr_un);

enum class Progress {
    incomplete,
    complete,
    garbage,  ///< not a request that can be answered; see RequestReader::error()
};

/// Collects one request, however it is chopped up. No I/O.
class RequestReader {
public:
    /// Takes the next bytes. What follows the request proper is ignored.
    Progress feed(Bytes bytes);

    /// The plug's datagram socket; valid once complete.
    const sockaddr_un& address() const noexcept { return address_; }
    /// What is wrong, once it is garbage.
    const std::string& error() const noexcept { return error_; }

private:
    Progress parse();

    std::array<std::byte, request_size> request_{};
    std::size_t size_ = 0;
    sockaddr_un address_{};
    std::string error_;
};

}  // namespace charioteer::vlan::vde
