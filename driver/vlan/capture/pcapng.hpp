#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "vlan/frame.hpp"

/// Blocks of capture files in the format pcapng, in the byte order of the host. No I/O.
///
/// Each function appends one block. Texts must be UTF-8; only their first 1024 bytes are used.
namespace charioteer::vlan::capture::pcapng {

/// Nanoseconds since 1970-01-01 UTC.
using Time = std::uint64_t;

/// The first block of a file. `comment` describes the file; it may be empty.
void add_section(std::string& out, std::string_view comment);

/// An Ethernet interface. Interfaces are numbered from 0 in the order of their blocks, which must
/// be in front of all blocks that refer to them.
void add_interface(std::string& out, std::string_view name);

struct Packet {
    std::uint32_t interface = 0;
    Time time = 0;
    Bytes frame;
    std::string_view comment;  ///< empty: none
    std::uint64_t lost = 0;    ///< packets that are missing in front of it
};

/// A frame that was sent by the station behind `interface`.
void add_packet(std::string& out, const Packet& packet);

struct Statistics {
    std::uint32_t interface = 0;
    Time begin = 0;
    Time end = 0;
    std::uint64_t received = 0;  ///< all packets of the interface
    std::uint64_t lost = 0;      ///< of these, those that could not be kept
    std::uint64_t accepted = 0;  ///< of these, those in the file
};

void add_statistics(std::string& out, const Statistics& statistics);

}  // namespace charioteer::vlan::capture::pcapng
