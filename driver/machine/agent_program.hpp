#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace charioteer::machine {

/// The program that becomes the agent in guests with this processor, as QEMU names it ("x86_64").
/// Looked for beside the library that holds this code, or in $CHARIOTEER_AGENT_DIRECTORY. Throws
/// io::Error when there is none.
std::string load_agent_program(const std::string& processor);

/// A script for any POSIX shell that takes a program of `size` bytes from the port of that name,
/// puts it where nothing is written to a disk, and starts it on that port. Prints one word:
/// "started", or what is missing.
std::string agent_start_script(std::size_t size, std::uint64_t nonce);

/// What a word of that script means, for the log.
std::string explain_start(std::string_view word);

}  // namespace charioteer::machine
