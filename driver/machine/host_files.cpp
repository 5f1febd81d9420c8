#include "machine/host_files.hpp"

#include <fmt/format.h>

#include "machine/copy_steps.hpp"

namespace charioteer::machine {

namespace {

namespace fs = std::filesystem;

/// Bytes that are copied on the host at once.
constexpr std::size_t piece_size = 256 * 1024;

}  // namespace

std::shared_ptr<Copying> HostFiles::begin_copying(std::string what) const {
    return std::make_shared<Copying>(context_->time(), context_->sink(), context_->name(),
                                     std::move(what));
}

void HostFiles::warn(const ErrorLines& errors) const {
    for (auto& line : errors.shown()) context_->warn(std::move(line));
}

asio::awaitable<std::shared_ptr<files::TreeReader>> HostFiles::open(OpenTree open) const {
    auto context = context_;
    auto& disk = context->host().disk();
    auto deadline = context->time().deadline_after(copy_step_limit);
    auto made = co_await deadline.limit(disk.run(std::move(open)),
                                        "the host's disk did not list the source");
    ErrorLines skipped;
    for (const auto& path : made->skipped())
        skipped.add_line(
            fmt::format("{} is not a file, directory or link and is not copied", path));
    warn(skipped);
    co_return disk.own(std::move(made));
}

asio::awaitable<std::shared_ptr<files::TreeReader>> HostFiles::open(fs::path source) const {
    return open(OpenTree([source] { return std::make_unique<files::TreeReader>(source); }));
}

asio::awaitable<std::shared_ptr<files::Scratch>> HostFiles::make_scratch(fs::path parent) const {
    auto& disk = context_->host().disk();
    auto make = [parent] { return std::make_unique<files::Scratch>(parent); };
    auto made = co_await disk.run(std::move(make));
    co_return disk.own(std::move(made));
}

asio::awaitable<void> HostFiles::pump(std::shared_ptr<files::TreeReader> reader,
                                      std::shared_ptr<files::TreeWriter> writer,
                                      std::string what) const {
    auto& disk = context_->host().disk();
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
        more = co_await disk.run(std::move(carry));
        copying->moved(reader->given_bytes(), reader->total_bytes());
    }
}

asio::awaitable<void> HostFiles::copy(std::shared_ptr<files::TreeReader> reader,
                                      std::shared_ptr<files::TreeWriter> writer,
                                      std::string what) const {
    auto deadline = context_->time().deadline_after(copy_step_limit);
    auto pumped = pump(std::move(reader), std::move(writer), std::move(what));
    co_await deadline.limit(std::move(pumped), "the host's disk did not complete a write");
}

asio::awaitable<void> HostFiles::place(OpenTree open, std::string source, fs::path target) const {
    auto reader = co_await this->open(std::move(open));
    auto writer = context_->host().disk().own(
        std::make_unique<files::TreeWriter>(std::move(target), files::Existing::replace_file));
    co_await copy(std::move(reader), std::move(writer), fmt::format("copy {} to the host", source));
}

asio::awaitable<void> HostFiles::run_program(std::vector<std::string> arguments) const {
    process::ProcessSpec spec;
    spec.arguments = std::move(arguments);
    spec.environment = context_->environment();
    spec.directory = context_->config().state_directory;
    auto& time = context_->time();
    auto program = spec.arguments.front();
    auto child = co_await process::Child::spawn(std::move(spec), nullptr, time);
    process::ExitStatus status;
    try {
        status = co_await child->wait(time.deadline_after(copy_step_limit));
    } catch (...) {
        // Cancelled or late: the program must not go on, because its files will be removed.
        child->kill();
        throw;
    }
    if (status.returncode() == 0) co_return;
    throw io::Error(fmt::format("{} {}: {}", program, status.describe(), child->last_output()));
}

}  // namespace charioteer::machine
