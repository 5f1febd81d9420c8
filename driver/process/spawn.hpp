#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/unique_fd.hpp"

namespace charioteer::process {

/// The path of charioteer-guard: in the folder of the shared object or program that contains this
/// code, or $CHARIOTEER_GUARD. Throws io::Error if it is missing.
std::filesystem::path guard_program();

/// The parameters of spawn(). All other descriptors are closed in the new process; its signals have
/// their default actions; it leads a session of its own, so that Ctrl-C at the terminal does not
/// reach it.
struct SpawnPlan {
    std::vector<std::string> arguments;            ///< [0] is the program's path
    std::vector<std::string> environment;          ///< NAME=value
    std::filesystem::path directory;               ///< empty: that of this process
    std::vector<std::pair<int, int>> descriptors;  ///< number here, number in the new process
};

/// Starts it; returns its process id. Throws io::Error.
pid_t spawn(const SpawnPlan& plan);

struct SocketPair {
    io::UniqueFd ours;
    io::UniqueFd theirs;
};
/// A connected pair of Unix sockets of a type such as SOCK_SEQPACKET. Throws io::Error.
SocketPair make_socket_pair(int type);
/// A pair that keeps message boundaries and reports the end of the peer. Throws io::Error.
SocketPair make_control_pair();

/// A descriptor that becomes readable when the process has ended. Throws io::Error.
io::UniqueFd open_pidfd(pid_t pid);

struct Pipe {
    io::UniqueFd read;
    io::UniqueFd write;
};
Pipe make_pipe();

/// The environment of this process, as NAME=value. Not thread-safe with setenv.
std::vector<std::string> own_environment();

/// The value of `name` in an environment; empty if it is not set.
std::string_view find_variable(const std::vector<std::string>& environment, std::string_view name);

}  // namespace charioteer::process
