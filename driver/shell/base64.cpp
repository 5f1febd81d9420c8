#include "shell/base64.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "io/error.hpp"

namespace charioteer::shell {

namespace {

constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t not_a_digit = 0xff;

constexpr std::array<std::uint8_t, 256> make_values() {
    std::array<std::uint8_t, 256> values{};
    values.fill(not_a_digit);
    for (std::size_t i = 0; i < base64_digits.size(); ++i)
        values[static_cast<unsigned char>(base64_digits[i])] = static_cast<std::uint8_t>(i);
    return values;
}
constexpr auto values = make_values();

}  // namespace

std::string encode_base64(std::string_view bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        auto taken = std::min<std::size_t>(3, bytes.size() - at);
        std::uint32_t group = 0;
        for (std::size_t i = 0; i < 3; ++i)
            group = group << 8 | (i < taken ? static_cast<unsigned char>(bytes[at + i]) : 0u);
        for (std::size_t i = 0; i < 4; ++i)
            text.push_back(i <= taken ? base64_digits[group >> (18 - 6 * i) & 63] : '=');
    }
    return text;
}

std::string decode_base64(std::string_view text) {
    auto padding = text.ends_with("==") ? 2u : text.ends_with("=") ? 1u : 0u;
    if (text.size() % 4 != 0)
        throw io::Error(fmt::format("base64 text of {} characters is cut off", text.size()));
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3);
    for (std::size_t at = 0; at < text.size(); at += 4) {
        std::uint32_t group = 0;
        for (std::size_t i = at; i < at + 4; ++i) {
            bool padded = i >= text.size() - padding;
            std::uint32_t value = padded ? 0 : values[static_cast<unsigned char>(text[i])];
            if (value == not_a_digit)
                throw io::Error(fmt::format("base64 text has the character {:#04x} at {}",
                                            static_cast<unsigned char>(text[i]), i));
            group = group << 6 | value;
        }
        for (auto shift : {16u, 8u, 0u}) bytes.push_back(static_cast<char>(group >> shift & 0xff));
    }
    bytes.resize(bytes.size() - padding);
    return bytes;
}

}  // namespace charioteer::shell
