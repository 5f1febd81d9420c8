/// The bytes of capture files.

#include "vlan/capture/pcapng.hpp"

#include <gtest/gtest.h>

#include "fakes/pcapng_blocks.hpp"

namespace charioteer::vlan::capture {
namespace {

using charioteer::fakes::PcapngBlock;
using charioteer::fakes::read_pcapng;
using namespace std::string_literals;

Bytes bytes_of(const std::string& text) {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

std::string hex(const std::string& bytes) {
    std::string text;
    for (unsigned char byte : bytes) {
        constexpr auto digits = "0123456789abcdef";
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

TEST(PcapngTest, SectionHasTheBytesOfTheFormat) {
    std::string file;
    pcapng::add_section(file, "");
    EXPECT_EQ(hex(file),
              "0a0d0d0a"
              "30000000"
              "4d3c2b1a"
              "01000000"
              "ffffffffffffffff"
              "04000a00"  // the program
              "43686172696f746565720000"
              "00000000"
              "30000000");
}

TEST(PcapngTest, PacketHasTheBytesOfTheFormat) {
    std::string file;
    pcapng::add_packet(file, {1, 0x1122334455667788, bytes_of("abcde"), "why", 0});
    EXPECT_EQ(hex(file),
              "06000000"
              "3c000000"
              "01000000"
              "4433221188776655"  // the high half of the time, then the low one
              "0500000005000000"
              "6162636465000000"
              "0100030077687900"  // the comment
              "0200040002000000"  // outbound
              "00000000"
              "3c000000");
}

TEST(PcapngTest, InterfaceHasItsNameAndTimesInNanoseconds) {
    std::string file;
    pcapng::add_section(file, "about the file");
    pcapng::add_interface(file, "web.1");
    auto blocks = read_pcapng(file);
    EXPECT_EQ(blocks.at(0).text(1), "about the file");
    EXPECT_EQ(blocks.at(1).number(0), 1u) << "Ethernet";
    EXPECT_EQ(blocks.at(1).number(4), 0u) << "no limit";
    EXPECT_EQ(blocks.at(1).text(2), "web.1");
    EXPECT_EQ(blocks.at(1).text(9), "\x09");
}

TEST(PcapngTest, GapBeforeAPacketIsCounted) {
    std::string file;
    pcapng::add_section(file, "");
    pcapng::add_interface(file, "web.1");
    pcapng::add_packet(file, {0, 1, bytes_of("a frame"), "", 17});
    auto packet = read_pcapng(file).at(2);
    EXPECT_EQ(packet.data, "a frame");
    EXPECT_EQ(packet.option_number(4), 17u);
    EXPECT_EQ(packet.options.count(1), 0u) << "an empty comment is left out";
}

TEST(PcapngTest, StatisticsHaveTimesAndNumbers) {
    std::string file;
    pcapng::add_section(file, "");
    pcapng::add_interface(file, "web.1");
    pcapng::add_statistics(file, {0, 5, std::uint64_t{7} << 32, 100, 20, 80});
    auto statistics = read_pcapng(file).at(2);
    EXPECT_EQ(statistics.time(), std::uint64_t{7} << 32);
    EXPECT_EQ(statistics.option_time(2), 5u);
    EXPECT_EQ(statistics.option_time(3), std::uint64_t{7} << 32);
    EXPECT_EQ(statistics.option_number(4), 100u);
    EXPECT_EQ(statistics.option_number(5), 20u);
    EXPECT_EQ(statistics.option_number(6), 80u);
}

TEST(PcapngTest, LongTextsAreCut) {
    std::string file;
    pcapng::add_section(file, std::string(100'000, 'x'));
    EXPECT_EQ(read_pcapng(file).at(0).text(1), std::string(1024, 'x'));
}

}  // namespace
}  // namespace charioteer::vlan::capture
