#pragma once

#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "command/runner.hpp"
#include "machine/host_files.hpp"
#include "machine/shell_runner.hpp"

namespace charioteer::machine {

/// Copies through the root shell alone: as an archive that is sent in pieces, so that a copy of any
/// size takes little memory. The host keeps the archive on its disk. So does a guest that receives
/// it; a guest that sends it makes it piece by piece. Io thread only.
class ShellCopy {
public:
    ShellCopy(std::shared_ptr<Context> context, std::shared_ptr<command::Runner> runner)
        : context_(context),
          runner_(std::move(runner)),
          shell_(context),
          host_files_(std::move(context)) {}

    /// As in Copier.
    asio::awaitable<void> copy_in(std::filesystem::path source, std::string target);
    asio::awaitable<void> copy_out(std::string source, std::filesystem::path target);

private:
    asio::awaitable<void> push_file(std::filesystem::path file, std::string target);
    asio::awaitable<void> pull_archive(std::string folder, std::filesystem::path target);

    std::shared_ptr<Context> context_;
    std::shared_ptr<command::Runner> runner_;
    ShellRunner shell_;
    HostFiles host_files_;
};

}  // namespace charioteer::machine
