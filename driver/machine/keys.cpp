#include "machine/keys.hpp"

#include <array>

namespace charioteer::machine {

namespace {

struct Key {
    char plain;
    char shifted;
    std::string_view name;
};

// Scan codes where QEMU's names depend on its keymap. Digits have names, their shifted signs do
// not.
constexpr std::array<Key, 11> keys{{{'-', '_', "0x0C"},
                                    {'=', '+', "0x0D"},
                                    {'[', '{', "0x1A"},
                                    {']', '}', "0x1B"},
                                    {';', ':', "0x27"},
                                    {'\'', '"', "0x28"},
                                    {'`', '~', "0x29"},
                                    {'\\', '|', "0x2B"},
                                    {',', '<', "0x33"},
                                    {'.', '>', "0x34"},
                                    {'/', '?', "0x35"}}};
/// Shifted digits 1 to 0, whose scan codes run from 0x02 to 0x0B.
constexpr std::string_view digit_signs = "!@#$%^&*()";

}  // namespace

std::string key_name(std::string_view character) {
    if (character.size() != 1) return std::string(character);
    char typed = character.front();
    if (typed >= 'A' && typed <= 'Z')
        return std::string("shift-") + static_cast<char>(typed - 'A' + 'a');
    if (typed == ' ') return "spc";
    if (typed == '\n') return "ret";
    if (auto digit = digit_signs.find(typed); digit != std::string_view::npos)
        return std::string("shift-0x0") + "23456789AB"[digit];
    for (const auto& key : keys) {
        if (typed == key.plain) return std::string(key.name);
        if (typed == key.shifted) return std::string("shift-").append(key.name);
    }
    return std::string(character);
}

}  // namespace charioteer::machine
