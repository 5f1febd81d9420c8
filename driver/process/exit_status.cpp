#include "process/exit_status.hpp"

#include <fmt/format.h>
#include <sys/wait.h>

#include <cstring>

namespace charioteer::process {

ExitStatus ExitStatus::from_wait(int status) noexcept {
    if (WIFSIGNALED(status)) return {0, WTERMSIG(status)};
    return {WEXITSTATUS(status), 0};
}

std::string ExitStatus::describe() const {
    if (signal == 0) return fmt::format("ended with status {}", code);
    return fmt::format("was ended by signal {} ({})", signal, ::strsignal(signal));
}

}  // namespace charioteer::process
