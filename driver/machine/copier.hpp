#pragma once

#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "command/runner.hpp"
#include "machine/agent_copy.hpp"
#include "machine/share_copy.hpp"
#include "machine/shell_copy.hpp"

namespace charioteer::machine {

/// Copies files and trees between the host and the guest: by the agent and, in a guest without
/// one, through the folder that both share when the guest has mounted it, else through the root
/// shell, which is slow. Io thread only.
class Copier {
public:
    Copier(std::shared_ptr<Context> context, std::shared_ptr<GuestAgent> agent,
           std::shared_ptr<command::Runner> runner);
    Copier(const Copier&) = delete;
    Copier& operator=(const Copier&) = delete;

    /// Copies a file or tree of the host as `cp -r` does. Throws CopyFailed, io::Error for the
    /// host's files, ShellError when the guest is lost or the copy stalls, NotRunning.
    asio::awaitable<void> copy_in(std::filesystem::path source, std::string target);
    /// Copies a file or tree of the guest to exactly `target`, where a file is replaced by a file.
    /// No link that the guest made is followed on the host. Throws as copy_in(), and
    /// files::TargetExists.
    asio::awaitable<void> copy_out(std::string source, std::filesystem::path target);

    /// To be called when the guest has rebooted or was restored to an earlier state: it may not
    /// have mounted the shared folder any more.
    void forget_share() { share_mounted_.reset(); }

private:
    asio::awaitable<bool> has_share();
    asio::awaitable<void> carry_in(std::filesystem::path source, std::string target);
    asio::awaitable<void> carry_out(std::string source, std::filesystem::path target);
    [[noreturn]] void fail(const std::string& from, const std::string& to,
                           io::TimePoint begin) const;

    std::shared_ptr<Context> context_;
    std::shared_ptr<GuestAgent> agent_;
    std::shared_ptr<command::Runner> runner_;
    AgentCopy by_agent_;
    ShareCopy by_share_;
    ShellCopy by_shell_;
    std::optional<bool> share_mounted_;  ///< none: not checked yet
};

}  // namespace charioteer::machine
