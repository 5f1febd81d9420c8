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

/// Where the script looks in the guest; else only in tests.
struct AgentPlaces {
    std::string_view ports = "/sys/class/virtio-ports";
    std::string_view devices = "/dev";
    char kind = 'c';                                    ///< of device, as test(1) names it
    std::string_view folders = "/dev/shm /run /tmp /";  ///< for the program, the best one first
};

/// A script for any POSIX shell that takes a program of `size` bytes from the agent's port, puts it
/// where nothing is written to a disk, and starts it on that port. Prints one word: "started", or
/// what is missing.
std::string agent_start_script(std::size_t size, std::uint64_t nonce, AgentPlaces places = {});

/// What is to be sent to that script when it opens the port: whatever came before for another
/// else, it skips.
std::string agent_upload(std::string_view program, std::uint64_t nonce);

/// The script's word when it found the port busy, or no folder.
constexpr std::string_view start_is_busy = "no-folder";
/// Whether the script may fare better when it is run again after this word.
bool may_be_tried_again(std::string_view word);

/// What a word of that script means, for the log.
std::string explain_start(std::string_view word);

}  // namespace charioteer::machine
