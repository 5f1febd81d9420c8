#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/unique_fd.hpp"

namespace charioteer::process {

/// The charioteer-guard program: beside the shared object or program that this code is in, or
/// $CHARIOTEER_GUARD. Throws io::Error when it is not there.
std::filesystem::path guard_program();

/// What posix_spawn needs to know. All other descriptors are closed in the new process; its signals
/// are at their defaults; it leads a session of its own, so that Ctrl-C at the terminal is ours.
struct SpawnPlan {
    std::vector<std::string> arguments;            ///< [0] is the program's path
    std::vector<std::string> environment;          ///< NAME=value
    std::filesystem::path directory;               ///< empty: ours
    std::vector<std::pair<int, int>> descriptors;  ///< ours, and its number there
};

/// Starts it; returns its process id. Throws io::Error.
pid_t spawn(const SpawnPlan& plan);

struct SocketPair {
    io::UniqueFd ours;
    io::UniqueFd theirs;
};
/// A connected pair that keeps datagram boundaries and reports the end of either side.
SocketPair make_control_pair();

struct Pipe {
    io::UniqueFd read;
    io::UniqueFd write;
};
Pipe make_pipe();

/// The calling process's environment, as NAME=value. Any thread that does not race with setenv.
std::vector<std::string> own_environment();

/// The value of `name` in an environment; empty when it is not there.
std::string_view find_variable(const std::vector<std::string>& environment, std::string_view name);

}  // namespace charioteer::process
