#include "machine/share_copy.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include "frames/tree.hpp"
#include "machine/copy_steps.hpp"
#include "shell/bash_words.hpp"

namespace charioteer::machine {

namespace {

namespace fs = std::filesystem;

}  // namespace

asio::awaitable<void> ShareCopy::copy_in(fs::path source, std::string target) {
    auto reader = co_await host_files_.open(source);
    auto scratch = co_await host_files_.make_scratch(context_->config().shared_directory);
    auto name = source.filename().string();
    if (!frames::is_name(name)) name = "tree";  // for "/" and ".."
    io::UniqueFd folder(::fcntl(scratch->fd(), F_DUPFD_CLOEXEC, 0));
    auto writer =
        context_->host().disk().own(std::make_unique<files::TreeWriter>(std::move(folder), name));
    auto what = fmt::format("copy {} to {}", source.string(), target);
    co_await host_files_.copy(std::move(reader), std::move(writer), std::move(what));
    auto from = fmt::format("{}/{}", in_guest(*scratch), name);
    co_await run_copy_step(context_, runner_, place_command(shell::quote(from), target));
}

asio::awaitable<void> ShareCopy::copy_out(std::string source, fs::path target) {
    auto scratch = co_await host_files_.make_scratch(context_->config().shared_directory);
    auto command = fmt::format("cp -rH -- {} {}/content 2>&1", shell::quote(source),
                               shell::quote(in_guest(*scratch)));
    co_await run_copy_step(context_, runner_, std::move(command));
    auto open = [scratch, source] {
        return std::make_unique<files::TreeReader>(scratch->fd(), "content", source);
    };
    co_await host_files_.place(std::move(open), std::move(source), std::move(target));
}

}  // namespace charioteer::machine
