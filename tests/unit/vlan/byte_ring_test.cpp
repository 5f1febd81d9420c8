#include "vlan/byte_ring.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace charioteer::vlan {
namespace {

Bytes bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

std::string text_in(const ByteRing& ring, std::size_t offset, std::size_t length) {
    std::string text;
    for (auto piece : ring.view(offset, length))
        text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    return text;
}

TEST(ByteRing, ReturnsBytesInOrder) {
    ByteRing ring(8);
    EXPECT_TRUE(ring.append(bytes_of("abc")));
    EXPECT_TRUE(ring.append(bytes_of("def")));
    EXPECT_EQ(text_in(ring, 0, 6), "abcdef");
    EXPECT_EQ(text_in(ring, 2, 3), "cde");
}

TEST(ByteRing, AcceptsAllOrNothing) {
    ByteRing ring(4);
    EXPECT_TRUE(ring.append(bytes_of("abc")));
    EXPECT_FALSE(ring.append(bytes_of("de")));
    EXPECT_EQ(text_in(ring, 0, ring.size()), "abc");
    EXPECT_TRUE(ring.append(bytes_of("d")));
    EXPECT_EQ(text_in(ring, 0, ring.size()), "abcd");
}

TEST(ByteRing, WrapsAroundAtEveryPosition) {
    for (std::size_t shift = 0; shift < 8; ++shift) {
        ByteRing ring(8);
        ring.append(bytes_of(std::string(shift, '-') + "+"));
        ring.consume(shift);  // the rest prevents the ring from restarting at position 0
        ASSERT_TRUE(ring.append(bytes_of("abcdefg"))) << shift;
        EXPECT_EQ(text_in(ring, 0, 8), "+abcdefg") << shift;
        EXPECT_EQ(text_in(ring, 3, 4), "cdef") << shift;
        ring.consume(8);
        EXPECT_TRUE(ring.empty());
    }
}

}  // namespace
}  // namespace charioteer::vlan
