#pragma once

#include <stddef.h>

namespace charioteer::agent {

/// The words of a built-in program, its name first.
struct Words {
    static constexpr int most = 8;

    int count = 0;
    const char* word[most] = {};
};

/// The words that `text` has, each with a NUL at its end; those beyond Words::most are left out.
Words split_words(const char* text, size_t size);
/// The same of an array.
Words as_words(const char* const* words, int count);

/// Runs the program that the words name, in this process, with its standard streams. Says on
/// standard error what went wrong, in one line. Returns its exit status: 0, 1 for a failure, 2 for
/// words that are not those of a program, 3 for what it cannot tell.
int run_built_in(const Words& words, const char* const* environment);

}  // namespace charioteer::agent
