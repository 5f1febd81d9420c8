#pragma once

#include <fmt/format.h>

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <filesystem>
#include <string>

#include "command/runner.hpp"
#include "files/scratch.hpp"
#include "machine/context.hpp"
#include "shell/bash_words.hpp"

/// Steps that the ways to copy have in common.
namespace charioteer::machine {

/// The path at which guests mount the shared folder (driver contract, section 5.4).
constexpr auto guest_share = "/tmp/shared";

/// The path of a folder in it, in the guest.
inline std::string in_guest(const files::Scratch& scratch) {
    return fmt::format("{}/{}", guest_share, scratch.name());
}

/// For each step of a copy.
constexpr auto copy_step_limit = std::chrono::seconds(3600);

/// The path without slashes at its end, so that it has a last component.
inline std::string trimmed(std::string path) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    return path;
}

/// The shell command that copies `from` to `to` as `cp -r` does, making the folders above `to`.
/// `from` is a word of the shell, quoted; `to` a path.
inline std::string place_command(const std::string& from, const std::string& to) {
    auto parent = std::filesystem::path(trimmed(to)).parent_path().string();
    auto make_parent =
        parent.empty() ? std::string() : fmt::format("mkdir -p -- {} && ", shell::quote(parent));
    return fmt::format("{{ {}cp -r -- {} {}; }} 2>&1", make_parent, from, shell::quote(to));
}

/// Throws CopyFailed when a step has failed.
void expect_success(std::shared_ptr<const Context> context, const command::Outcome& outcome);

/// Runs one step in the guest; returns its output. Throws CopyFailed when it fails, and as
/// Runner::run().
asio::awaitable<std::string> run_copy_step(std::shared_ptr<const Context> context,
                                           std::shared_ptr<command::Runner> runner,
                                           std::string text);

}  // namespace charioteer::machine
