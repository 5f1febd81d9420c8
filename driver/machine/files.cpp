// What a machine does to carry files: through the agent (agent_files.cpp), and where there is none
// by the folder that host and guest share when the guest has mounted it, else through the root
// shell (shell_files.cpp).

#include <fcntl.h>
#include <fmt/format.h>

#include <filesystem>

#include "files/scratch.hpp"
#include "files/tree_reader.hpp"
#include "files/tree_writer.hpp"
#include "frames/tree.hpp"
#include "machine/copy_steps.hpp"
#include "machine/copying.hpp"
#include "machine/machine.hpp"
#include "shell/bash_words.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto query_limit = 60s;
/// What is copied on the host at once, in bytes.
constexpr std::size_t piece_size = 256 * 1024;

}  // namespace

/// Throws the error that is being handled, with what it happened to.
void Machine::fail_copy(const std::string& from, const std::string& to, io::TimePoint begin) {
    auto doing = fmt::format("copying {} to {}", from, to);
    try {
        throw;
    } catch (const io::UsageError&) {
        throw;
    } catch (ShellError& error) {
        // It was explained, as for the command that it happened to.
        error.add_note(fmt::format("while {}", doing));
        throw;
    } catch (const io::ConnectionLost& error) {
        throw explain(error, doing, begin);
    } catch (const io::TimeoutError& error) {
        throw explain(error, doing, begin);
    } catch (const channel::Refused& error) {
        throw explain(error, doing, begin);
    } catch (io::Error& error) {
        error.add_context(fmt::format("{}: cannot copy {} to {}", name(), from, to));
        throw;
    }
}

std::shared_ptr<Copying> Machine::begin_copying(std::string what) {
    return std::make_shared<Copying>(host_->time(), sink_, name(), std::move(what));
}

void Machine::warn(const Complaints& complaints) const {
    for (auto& line : complaints.shown()) sink_({io::EventKind::warning, name(), std::move(line)});
}

void Machine::warn_of_skipped(const files::TreeReader& reader) const {
    Complaints complaints;
    for (const auto& path : reader.skipped())
        complaints.add_line(
            fmt::format("{} is no file, directory or link and is not copied", path));
    warn(complaints);
}

asio::awaitable<std::shared_ptr<files::TreeReader>> Machine::open_tree(fs::path source) {
    auto open = [source] { return std::make_unique<files::TreeReader>(source); };
    auto made = co_await host_->time()
                    .deadline_after(copy_step_limit)
                    .limit(host_->disk().run(std::move(open)),
                           "the host's disk did not show what is there");
    warn_of_skipped(*made);
    co_return host_->disk().own(std::move(made));
}

asio::awaitable<std::shared_ptr<files::Scratch>> Machine::make_scratch(fs::path parent) {
    auto make = [parent] { return std::make_unique<files::Scratch>(parent); };
    auto made = co_await host_->disk().run(std::move(make));
    co_return host_->disk().own(std::move(made));
}

/// Piece by piece, so that it ends when it is called off.
asio::awaitable<void> Machine::pump(std::shared_ptr<files::TreeReader> reader,
                                    std::shared_ptr<files::TreeWriter> writer, std::string what) {
    auto copying = begin_copying(std::move(what));
    for (bool more = true; more;) {
        auto carry = [reader, writer] {
            auto piece = reader->next(piece_size);
            if (piece.empty())
                writer->finish();
            else
                writer->feed(piece);
            return !piece.empty();
        };
        more = co_await host_->disk().run(std::move(carry));
        copying->moved(reader->given_bytes(), reader->total_bytes());
    }
}

asio::awaitable<std::string> Machine::run_checked(std::string command) {
    CommandOptions options;
    options.limit = Limit{copy_step_limit, fmt::format("{}", copy_step_limit.count())};
    auto result = co_await execute(std::move(command), options);
    if (result.status == 0) co_return std::move(result.output);
    io::Error failed(fmt::format("the guest's command ended with exit code {}", result.status));
    if (result.output.size() < 4096) failed.add_note(result.output);
    tell_facts(failed);
    throw failed;
}

asio::awaitable<bool> Machine::has_share() {
    if (!share_mounted_) {
        CommandOptions options;
        options.limit = Limit{query_limit, fmt::format("{}", query_limit.count())};
        auto query = fmt::format("grep -q ' {} ' /proc/mounts", guest_share);
        share_mounted_ = (co_await execute(std::move(query), options)).status == 0;
    }
    co_return *share_mounted_;
}

asio::awaitable<void> Machine::copy_in(fs::path source, std::string target) {
    source = fs::absolute(trimmed(source.string()));
    auto begin = host_->time().now();
    running();
    try {
        co_await carry_in(source, target);
    } catch (const io::Error&) {
        fail_copy(source.string(), target, begin);
    }
}

asio::awaitable<void> Machine::copy_out(std::string source, fs::path target) {
    source = trimmed(std::move(source));
    auto begin = host_->time().now();
    running();
    try {
        co_await carry_out(source, std::move(target));
    } catch (const io::Error&) {
        fail_copy(source, "the host", begin);
    }
}

asio::awaitable<void> Machine::carry_in(fs::path source, std::string target) {
    // Variables: g++ 12 miscompiles an `if` that awaits in its condition and in its branches.
    auto link = co_await ready_agent(io::Deadline::never());
    bool shared = false;
    if (!link) shared = co_await has_share();
    if (link)
        co_await copy_in_by_agent(std::move(link), std::move(source), std::move(target));
    else if (shared)
        co_await copy_in_by_share(std::move(source), std::move(target));
    else
        co_await copy_in_by_shell(std::move(source), std::move(target));
}

asio::awaitable<void> Machine::carry_out(std::string source, fs::path target) {
    // Variables: g++ 12 miscompiles an `if` that awaits in its condition and in its branches.
    auto link = co_await ready_agent(io::Deadline::never());
    bool shared = false;
    if (!link) shared = co_await has_share();
    if (link)
        co_await copy_out_by_agent(std::move(link), std::move(source), std::move(target));
    else if (shared)
        co_await copy_out_by_share(std::move(source), std::move(target));
    else
        co_await copy_out_by_shell(std::move(source), std::move(target));
}

/// The guest may write to the share, so the host reaches everything there by descriptors.
asio::awaitable<void> Machine::copy_in_by_share(fs::path source, std::string target) {
    auto reader = co_await open_tree(source);
    auto scratch = co_await make_scratch(config_.shared_directory);
    auto name = source.filename().string();
    if (!frames::is_name(name)) name = "tree";  // of "/" and ".."
    io::UniqueFd folder(::fcntl(scratch->fd(), F_DUPFD_CLOEXEC, 0));
    auto writer = host_->disk().own(std::make_unique<files::TreeWriter>(std::move(folder), name));
    auto what = fmt::format("copy {} to {}", source.string(), target);
    auto pumped = pump(std::move(reader), std::move(writer), std::move(what));
    co_await host_->time()
        .deadline_after(copy_step_limit)
        .limit(std::move(pumped), "the host's disk did not take it");
    auto from = fmt::format("{}/{}", in_guest(*scratch), name);
    co_await run_checked(place_command(shell::quote(from), target));
}

asio::awaitable<void> Machine::copy_out_by_share(std::string source, fs::path target) {
    auto scratch = co_await make_scratch(config_.shared_directory);
    auto command = fmt::format("cp -rH -- {} {}/content 2>&1", shell::quote(source),
                               shell::quote(in_guest(*scratch)));
    co_await run_checked(std::move(command));
    auto open = [scratch, source] {
        return std::make_unique<files::TreeReader>(scratch->fd(), "content", source);
    };
    co_await place(std::move(open), std::move(source), std::move(target));
}

/// Copies what `open` opens to where the caller wants it. Links that the guest made stay links.
asio::awaitable<void> Machine::place(OpenTree open, std::string source, fs::path target) {
    auto made = co_await host_->disk().run(std::move(open));
    auto reader = host_->disk().own(std::move(made));
    warn_of_skipped(*reader);
    auto writer = host_->disk().own(
        std::make_unique<files::TreeWriter>(std::move(target), files::Existing::replace_file));
    auto what = fmt::format("copy {} to the host", source);
    auto pumped = pump(std::move(reader), std::move(writer), std::move(what));
    co_await host_->time()
        .deadline_after(copy_step_limit)
        .limit(std::move(pumped), "the host's disk did not take it");
}

}  // namespace charioteer::machine
