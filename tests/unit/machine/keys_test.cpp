#include "machine/keys.hpp"

#include <gtest/gtest.h>

namespace charioteer::machine {
namespace {

TEST(Keys, LettersAndDigitsAreKeyNames) {
    EXPECT_EQ(key_name("a"), "a");
    EXPECT_EQ(key_name("7"), "7");
    EXPECT_EQ(key_name("Q"), "shift-q");
}

TEST(Keys, SignsHaveScanCodes) {
    EXPECT_EQ(key_name("-"), "0x0C");
    EXPECT_EQ(key_name("_"), "shift-0x0C");
    EXPECT_EQ(key_name("\\"), "0x2B");
    EXPECT_EQ(key_name("~"), "shift-0x29");
    EXPECT_EQ(key_name("?"), "shift-0x35");
    EXPECT_EQ(key_name(" "), "spc");
    EXPECT_EQ(key_name("\n"), "ret");
}

TEST(Keys, ShiftedDigitsFollowTheUsKeyboard) {
    EXPECT_EQ(key_name("!"), "shift-0x02");
    EXPECT_EQ(key_name("("), "shift-0x0A");
    EXPECT_EQ(key_name(")"), "shift-0x0B");
}

TEST(Keys, NamesOfKeysPassUnchanged) {
    EXPECT_EQ(key_name("ctrl-alt-delete"), "ctrl-alt-delete");
    EXPECT_EQ(key_name("kp_enter"), "kp_enter");
    EXPECT_EQ(key_name("\xc3\xa4"), "\xc3\xa4");
}

}  // namespace
}  // namespace charioteer::machine
