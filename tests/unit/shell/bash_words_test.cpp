#include "shell/bash_words.hpp"

#include <gtest/gtest.h>

#include "io/error.hpp"

namespace charioteer::shell {
namespace {

TEST(BashWords, ReversesPrintf) {
    EXPECT_EQ(unquote("''"), "");
    EXPECT_EQ(unquote("hello"), "hello");
    EXPECT_EQ(unquote(R"(two\ words\;\ \#\~\'\")"), R"(two words; #~'")");
    EXPECT_EQ(unquote(R"($'a\tb\n\'\\ \E[0m\001\377\a')"), "a\tb\n'\\ \x1b[0m\x01\xff\a");
}

TEST(BashWords, RejectsWordsThatPrintfDoesNotWrite) {
    for (auto word : {"", "two words", "it's", "$'open", "$'", "$'a\\'", "$'a'b'", "$'\\q'", "a\\",
                      "$x", "a\"b"})
        EXPECT_THROW(unquote(word), io::Error) << word;
}

TEST(BashWords, QuotesOnlyWhereNecessary) {
    EXPECT_EQ(quote("/a/b-c.d"), "/a/b-c.d");
    EXPECT_EQ(quote("two words"), "'two words'");
    EXPECT_EQ(quote("it's"), "'it'\"'\"'s'");
    EXPECT_EQ(quote(""), "''");
}

}  // namespace
}  // namespace charioteer::shell
