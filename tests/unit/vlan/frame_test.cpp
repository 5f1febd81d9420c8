#include "vlan/frame.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace charioteer::vlan {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
    std::vector<std::byte> result;
    for (int value : values) result.push_back(static_cast<std::byte>(value));
    return result;
}

TEST(Frame, HasItsHeaderInNetworkByteOrder) {
    auto frame = bytes_of({1, 2, 3, 4, 5, 6, 0x52, 0x54, 0, 0x12, 1, 0xff, 0x08, 0x06});
    auto header = parse_header(frame);
    ASSERT_TRUE(header);
    EXPECT_EQ(header->destination.value, 0x010203040506u);
    EXPECT_EQ(header->source.value, 0x5254001201ffu);
    EXPECT_EQ(header->ethertype, 0x0806);
}

TEST(Frame, HasNoHeaderWhenItIsTooShort) {
    std::vector<std::byte> frame(ethernet_header_size);
    for (std::size_t size = 0; size < ethernet_header_size; ++size)
        EXPECT_FALSE(parse_header(Bytes{frame.data(), size})) << size;
    EXPECT_TRUE(parse_header(frame));
}

TEST(Frame, KnowsGroupAddresses) {
    EXPECT_TRUE(MacAddress{0xffffffffffff}.is_group());
    EXPECT_TRUE(MacAddress{0x01005e000001}.is_group());
    EXPECT_TRUE(MacAddress{0x333300000001}.is_group());
    EXPECT_FALSE(MacAddress{0x525400120101}.is_group());
}

TEST(Frame, KnowsTags) {
    EXPECT_TRUE((Header{{}, {}, 0x8100}.is_tagged()));
    EXPECT_TRUE((Header{{}, {}, 0x88a8}.is_tagged()));
    EXPECT_FALSE((Header{{}, {}, 0x0800}.is_tagged()));
}

TEST(Frame, LengthIsBigEndian) {
    auto wire = bytes_of({0, 0, 0, 0});
    write_length(wire.data(), 0x010203);
    EXPECT_EQ(wire, bytes_of({0, 1, 2, 3}));
    EXPECT_EQ(read_length(wire.data()), 0x010203u);
}

}  // namespace
}  // namespace charioteer::vlan
