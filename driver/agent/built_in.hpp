#pragma once

#include <stddef.h>

namespace charioteer::agent {

/// The words of a built-in program, its name first.
struct Words {
    static constexpr int most = 8;

    int count = 0;
    const char* word[most] = {};
};

/// The words in `text`, each terminated by a NUL; those beyond Words::most are left out.
Words split_words(const char* text, size_t size);
/// The same from an array.
Words as_words(const char* const* words, int count);

/// Runs the program that the words name, in this process, with its standard streams. Reports an
/// error in one line on standard error. Returns its exit status: 0, 1 for a failure, 2 for wrong
/// arguments, 3 when it cannot determine the result.
int run_built_in(const Words& words, const char* const* environment);

}  // namespace charioteer::agent
