#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace charioteer::machine {

/// The agent's program for guests with this processor, as QEMU names it ("x86_64"). It is in the
/// folder of the library that contains this code, or in $CHARIOTEER_AGENT_DIRECTORY. Throws
/// io::Error when there is none.
std::string load_agent_program(const std::string& processor);

/// Paths in the guest that the script uses; only tests have others.
struct AgentPlaces {
    std::string_view ports = "/sys/class/virtio-ports";
    std::string_view devices = "/dev";
    char kind = 'c';  ///< the type of the device, as an option of test(1)
    std::string_view folders = "/dev/shm /run /tmp /";  ///< for the program, the best one first
};

/// A script for any POSIX shell that reads a program of `size` bytes from the agent's port, writes
/// it to a folder in memory if there is one, and starts it on that port. Prints one word:
/// "started", or the reason why it did not.
std::string agent_start_script(std::size_t size, std::uint64_t nonce, AgentPlaces places = {});

/// The bytes to send to that script when it opens the port; it skips earlier bytes, which are for
/// another agent.
std::string agent_upload(std::string_view program, std::uint64_t nonce);

/// The script's word when the port is busy, or no folder is usable.
constexpr std::string_view start_is_busy = "no-folder";
/// Whether running the script again may succeed after this word.
bool may_be_tried_again(std::string_view word);

/// The meaning of a word of that script, for the log.
std::string explain_start(std::string_view word);

}  // namespace charioteer::machine
