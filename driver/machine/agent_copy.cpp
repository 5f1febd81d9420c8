#include "machine/agent_copy.hpp"

#include <fmt/format.h>

namespace charioteer::machine {

namespace {

/// Bytes that are read from a file and sent at once: each piece is passed to a thread of the disk
/// and back, which takes long on a busy host.
constexpr std::size_t piece_size = 256 * 1024;

/// Throws the error output of the guest's program, unless it has succeeded.
void expect_success(const command::Outcome& outcome, ErrorLines& errors) {
    errors.finish();
    if (outcome.status == 0) return;
    if (errors.empty())
        throw CopyFailed(
            fmt::format("the program in the guest ended with status {}", outcome.status));
    throw errors.as_error();
}

}  // namespace

asio::awaitable<void> AgentCopy::until_stalled(std::shared_ptr<AgentLink> link,
                                               std::shared_ptr<Copying> copying,
                                               io::Duration limit) {
    for (;;) {
        auto& time = context_->time();
        co_await time.sleep_until(time.deadline_after(limit, copying->last_moved()).when());
        if (context_->time().now() - copying->last_moved() < limit) continue;
        bool paused = co_await link->is_paused();
        if (!paused) co_return;
        context_->log(
            fmt::format("a copy waits, after {}: QEMU does not run the guest", copying->how_far()));
        copying->reset_stall_timer();
    }
}

/// Throws when a copy stalls: an agent that answers pings may still wait for ever, for a disk or
/// for the reader of a pipe.
asio::awaitable<void> AgentCopy::unless_stalled(std::shared_ptr<AgentLink> link,
                                                std::shared_ptr<Copying> copying,
                                                asio::awaitable<void> operation) {
    auto limit = context_->host().copy_limits().stall;
    bool ended = co_await io::race(std::move(operation), until_stalled(link, copying, limit));
    if (!ended)
        throw io::TimeoutError(fmt::format("nothing has moved for {:.4g} s, after {}",
                                           io::seconds(limit), copying->how_far()));
}

asio::awaitable<void> AgentCopy::send_tree(std::shared_ptr<channel::Call> call,
                                           std::shared_ptr<files::TreeReader> reader,
                                           std::shared_ptr<Copying> copying) {
    while (!call->ended()) {
        auto read = [reader] { return reader->next(piece_size); };
        auto piece = co_await context_->host().disk().run(std::move(read));
        if (piece.empty()) break;
        co_await call->write(std::move(piece));
        copying->moved(reader->given_bytes(), reader->total_bytes());
    }
    call->end_input();
    for (;;) {
        auto piece = co_await call->next();
        if (!piece) break;
        copying->errors.add(piece->bytes);
    }
}

asio::awaitable<void> AgentCopy::receive_tree(std::shared_ptr<channel::Call> call,
                                              std::shared_ptr<files::TreeWriter> writer,
                                              std::shared_ptr<Copying> copying) {
    for (;;) {
        auto piece = co_await call->next();
        if (!piece) break;
        if (piece->source == channel::Source::errors) {
            copying->errors.add(piece->bytes);
            continue;
        }
        auto write = [writer, bytes = std::move(piece->bytes)] {
            writer->feed(bytes);
            return writer->written_bytes();
        };
        auto written = co_await context_->host().disk().run(std::move(write));
        copying->moved(written, 0);
    }
    expect_success(call->outcome(), copying->errors);
    auto finish = [writer] { writer->finish(); };
    co_await context_->host().disk().run(std::move(finish));
}

asio::awaitable<void> AgentCopy::copy_in(std::shared_ptr<AgentLink> link,
                                         std::filesystem::path source, std::string target) {
    auto reader = co_await host_files_.open(source);
    auto copying = host_files_.begin_copying(fmt::format("copy {} to {}", source.string(), target));
    auto receive = command::built_in({"receive", target});
    receive.stream_input = true;
    auto call = link->channel().start(std::move(receive));
    channel::CancelOnExit cancel(call);
    auto sent = liveness_.unless_dead(link, send_tree(call, reader, copying));
    co_await unless_stalled(link, copying, std::move(sent));
    expect_success(call->outcome(), copying->errors);
}

asio::awaitable<void> AgentCopy::copy_out(std::shared_ptr<AgentLink> link, std::string source,
                                          std::filesystem::path target) {
    auto copying = host_files_.begin_copying(fmt::format("copy {} to the host", source));
    auto writer = context_->host().disk().own(
        std::make_unique<files::TreeWriter>(std::move(target), files::Existing::replace_file));
    auto send = command::built_in({"send", source});
    auto call = link->channel().start(std::move(send), channel::largest_output_window);
    channel::CancelOnExit cancel(call);
    auto received = liveness_.unless_dead(link, receive_tree(call, writer, copying));
    co_await unless_stalled(link, copying, std::move(received));
    host_files_.warn(copying->errors);
}

}  // namespace charioteer::machine
