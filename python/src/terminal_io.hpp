#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace charioteer::python {

/// Whether standard output and standard error are the same file.
bool go_to_same_place();

/// The height of a terminal; 24 if it is unknown.
std::size_t rows_of(int terminal);

/// Writes until nothing could be written for `limit` or `stop` is set; returns the number of bytes
/// written. Throws std::system_error.
std::size_t write_some(int fd, std::string_view text, std::chrono::steady_clock::duration limit,
                       const std::atomic<bool>& stop);

/// A line of a program's output, as a terminal may show it: what follows the last carriage return,
/// with control characters escaped, except for colours.
std::string shown(std::string_view line);

}  // namespace charioteer::python
