#include "shell/base64.hpp"

#include <gtest/gtest.h>

#include "io/error.hpp"

namespace charioteer::shell {
namespace {

TEST(Base64, MatchesKnownEncodings) {
    EXPECT_EQ(encode_base64(""), "");
    EXPECT_EQ(encode_base64("f"), "Zg==");
    EXPECT_EQ(encode_base64("fo"), "Zm8=");
    EXPECT_EQ(encode_base64("foobar"), "Zm9vYmFy");
}

TEST(Base64, EncodesAnyBytes) {
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
    for (std::size_t size = 0; size <= all.size(); ++size)
        EXPECT_EQ(decode_base64(encode_base64(all.substr(0, size))), all.substr(0, size));
}

TEST(Base64, RejectsInvalidBase64) {
    EXPECT_THROW(decode_base64("Zg="), io::Error);
    EXPECT_THROW(decode_base64("Zm=v"), io::Error);
    EXPECT_THROW(decode_base64("Z\nm9"), io::Error);
    EXPECT_THROW(decode_base64("===="), io::Error);
}

}  // namespace
}  // namespace charioteer::shell
