#pragma once

#include <sys/types.h>

#include <string>

namespace charioteer::vlan {

/// The process that has connected `socket`, a Unix stream socket; 0 if it is unknown.
pid_t peer_process(int socket) noexcept;

/// The machine for which process `pid` runs: the value of io::machine_variable in its environment,
/// or in that of its nearest ancestor that has one. Empty for programs that no start script has
/// started, and for processes that have ended.
std::string machine_of(pid_t pid);

}  // namespace charioteer::vlan
