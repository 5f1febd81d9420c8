#include "frames/messages.hpp"

#include <gtest/gtest.h>

#include <array>

namespace charioteer::frames {
namespace {

TEST(Messages, FieldsAreLittleEndianWithoutPadding) {
    std::array<unsigned char, 64> buffer{};
    auto written = encode(Exec{.flags = 2,
                               .limit = 1000,
                               .credit = 3,
                               .rows = 24,
                               .columns = 80,
                               .holder_report = 4,
                               .holder_limit = 5},
                          buffer);
    const unsigned char expected[] = {2,  0, 0,  0, 0xe8, 3, 0, 0, 3, 0, 0, 0,
                                      24, 0, 80, 0, 4,    0, 0, 0, 5, 0, 0, 0};
    EXPECT_TRUE(
        std::equal(written.begin(), written.end(), std::begin(expected), std::end(expected)));
}

TEST(Messages, BytesAfterTheFieldsRemain) {
    std::array<unsigned char, 64> buffer{};
    auto size =
        encode(
            Exit{
                .status = 143, .signal = 15, .timed_out = 0, .microseconds = 1ull << 40, .held = 1},
            buffer)
            .size();
    buffer[size] = 'x';
    Bytes payload(buffer.data(), size + 1);
    Exit decoded;
    ASSERT_TRUE(decode(payload, decoded));
    EXPECT_EQ(decoded.status, 143u);
    EXPECT_EQ(decoded.signal, 15u);
    EXPECT_EQ(decoded.microseconds, 1ull << 40);
    EXPECT_EQ(decoded.held, 1u);
    ASSERT_EQ(payload.size(), 1u);
    EXPECT_EQ(payload[0], 'x');
}

TEST(Messages, ATruncatedPayloadIsRejected) {
    const unsigned char three[] = {1, 2, 3};
    Bytes payload(three);
    Credit credit{.bytes = 9};
    EXPECT_FALSE(decode(payload, credit));
    EXPECT_EQ(credit.bytes, 9u);
    EXPECT_EQ(payload.size(), 3u);
}

}  // namespace
}  // namespace charioteer::frames
