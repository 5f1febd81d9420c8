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

TEST(Frame, LengthIsBigEndian) {
    auto wire = bytes_of({0, 0, 0, 0});
    write_length(wire.data(), 0x010203);
    EXPECT_EQ(wire, bytes_of({0, 1, 2, 3}));
    EXPECT_EQ(read_length(wire.data()), 0x010203u);
}

}  // namespace
}  // namespace charioteer::vlan
