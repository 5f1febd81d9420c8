#include "vlan/peer.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <fstream>
#include <sstream>

#include "io/machine_variable.hpp"

namespace charioteer::vlan {

namespace {

/// Start scripts are a few wrappers deep.
constexpr int max_ancestors = 32;

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return std::move(text).str();
}

/// The value of the variable in `environment`, which has a zero byte after each entry.
std::string value_in(const std::string& environment) {
    auto entry = fmt::format("{}=", io::machine_variable);
    std::size_t begin = 0;
    while (begin < environment.size()) {
        auto end = std::min(environment.find('\0', begin), environment.size());
        if (environment.compare(begin, entry.size(), entry) == 0)
            return environment.substr(begin + entry.size(), end - begin - entry.size());
        begin = end + 1;
    }
    return {};
}

/// 0 if there is none.
pid_t parent_of(pid_t pid) {
    auto status = read_file(fmt::format("/proc/{}/stat", pid));
    // The name of the program is in parentheses, and may contain any character.
    auto end = status.rfind(')');
    if (end == std::string::npos) return 0;
    std::istringstream rest(status.substr(end + 1));
    char state = 0;
    pid_t parent = 0;
    rest >> state >> parent;
    return parent;
}

}  // namespace

pid_t peer_process(int socket) noexcept {
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

std::string machine_of(pid_t pid) {
    for (int i = 0; i < max_ancestors && pid > 0; ++i, pid = parent_of(pid)) {
        auto machine = value_in(read_file(fmt::format("/proc/{}/environ", pid)));
        if (!machine.empty()) return machine;
    }
    return {};
}

}  // namespace charioteer::vlan
