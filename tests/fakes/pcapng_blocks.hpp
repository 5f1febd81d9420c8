#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// Reads capture files, written from the description of the format pcapng, independently of the
/// writer in driver/vlan/capture.
namespace charioteer::fakes {

/// One block of a file.
struct PcapngBlock {
    enum Type : std::uint32_t { section = 0x0a0d0d0a, interface = 1, statistics = 5, packet = 6 };

    std::uint32_t type = 0;
    std::string body;  ///< the fields in front of the options
    std::multimap<int, std::string> options;
    std::string data;  ///< of a packet: the frame

    /// The number at `offset` of the body.
    std::uint32_t number(std::size_t offset) const;
    /// Nanoseconds since 1970: of packets and statistics.
    std::uint64_t time() const;
    /// The value of an option, or an empty text.
    std::string text(int option) const;
    std::uint64_t option_number(int option) const;
    std::uint64_t option_time(int option) const;
};

/// The blocks of a file. Throws std::runtime_error for what is not valid: lengths that differ,
/// padding that is not zero, options without an end, packets of interfaces that were not described.
std::vector<PcapngBlock> read_pcapng(std::string_view file);

/// The blocks of one type.
std::vector<PcapngBlock> only(const std::vector<PcapngBlock>& blocks, PcapngBlock::Type type);

}  // namespace charioteer::fakes
