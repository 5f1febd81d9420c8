#pragma once

#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "command/runner.hpp"
#include "machine/host_files.hpp"

namespace charioteer::machine {

/// Copies through the folder that host and guest share. The guest may write to it, so the host
/// reaches everything there by descriptors. Io thread only.
class ShareCopy {
public:
    ShareCopy(std::shared_ptr<Context> context, std::shared_ptr<command::Runner> runner)
        : context_(context), runner_(std::move(runner)), host_files_(std::move(context)) {}

    /// As in Copier.
    asio::awaitable<void> copy_in(std::filesystem::path source, std::string target);
    asio::awaitable<void> copy_out(std::string source, std::filesystem::path target);

private:
    std::shared_ptr<Context> context_;
    std::shared_ptr<command::Runner> runner_;
    HostFiles host_files_;
};

}  // namespace charioteer::machine
