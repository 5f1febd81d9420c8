// What a machine does to carry files through the agent.

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "files/tree_reader.hpp"
#include "files/tree_writer.hpp"
#include "io/printable.hpp"
#include "machine/machine.hpp"
#include "machine/unless_dead.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// What is read from a file and sent at once, in bytes.
constexpr std::size_t piece_size = 64 * 1024;
constexpr auto progress_after = 1s;
constexpr auto progress_interval = 250ms;

/// Runs `function` where it may block: a disk must not hold up the io thread.
template <class Function>
auto off_thread(Host& host, Function function) -> asio::awaitable<std::invoke_result_t<Function>> {
    using Result = std::invoke_result_t<Function>;
    auto run = [](Function body) -> asio::awaitable<Result> { co_return body(); };
    co_return co_await asio::co_spawn(host.disk(), run(std::move(function)), asio::use_awaitable);
}

}  // namespace

/// What the agent's program said of a copy, and how it ended.
struct Machine::Verdict {
    bool done = false;
    std::string complaint;
};

Machine::Verdict Machine::finished(Verdict verdict, const channel::Ending& ending) {
    while (verdict.complaint.ends_with('\n')) verdict.complaint.pop_back();
    verdict.complaint = io::printable(verdict.complaint, io::Colours::drop);
    verdict.done = ending.status == 0;
    if (!verdict.done && verdict.complaint.empty())
        verdict.complaint = fmt::format("it ended with status {}", ending.status);
    return verdict;
}

/// Tells how far a copy has come, to whoever looks at a terminal.
class Machine::Progress {
public:
    Progress(Machine& machine, std::string what)
        : machine_(machine), what_(std::move(what)), next_(now() + progress_after) {}
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress() {
        if (told_) machine_.sink_({io::EventKind::progress, machine_.name(), ""});
    }

    /// `total` is 0 when nobody knows it.
    void tell(std::uint64_t done, std::uint64_t total) {
        if (now() < next_) return;
        next_ = now() + progress_interval;
        told_ = true;
        auto megabytes = [](std::uint64_t bytes) { return static_cast<double>(bytes) / 1e6; };
        auto text = total == 0 ? fmt::format("{}: {:.1f} MB", what_, megabytes(done))
                               : fmt::format("{}: {:.1f} of {:.1f} MB", what_, megabytes(done),
                                             megabytes(total));
        machine_.sink_({io::EventKind::progress, machine_.name(), std::move(text)});
    }

private:
    io::TimePoint now() const { return machine_.host_->time().now(); }

    Machine& machine_;
    std::string what_;
    io::TimePoint next_;
    bool told_ = false;
};

asio::awaitable<Machine::Verdict> Machine::send_tree(std::shared_ptr<channel::Call> call,
                                                     std::shared_ptr<files::TreeReader> reader,
                                                     std::string what) {
    Progress progress(*this, std::move(what));
    while (!call->ended()) {
        auto read = [reader] { return reader->next(piece_size); };
        auto piece = co_await off_thread(*host_, read);
        if (piece.empty()) break;
        co_await call->write(std::move(piece));
        progress.tell(reader->given_bytes(), reader->total_bytes());
    }
    call->end_input();
    Verdict verdict;
    for (;;) {
        auto piece = co_await call->next();
        if (!piece) break;
        verdict.complaint += piece->bytes;
    }
    co_return finished(std::move(verdict), call->ending());
}

asio::awaitable<Machine::Verdict> Machine::receive_tree(std::shared_ptr<channel::Call> call,
                                                        std::shared_ptr<files::TreeWriter> writer,
                                                        std::string what) {
    Progress progress(*this, std::move(what));
    Verdict verdict;
    for (;;) {
        auto piece = co_await call->next();
        if (!piece) break;
        if (piece->source == channel::Source::errors) {
            verdict.complaint += piece->bytes;
            continue;
        }
        auto write = [writer, bytes = std::move(piece->bytes)] {
            writer->feed(bytes);
            return writer->written_bytes();
        };
        auto written = co_await off_thread(*host_, std::move(write));
        progress.tell(written, 0);
    }
    co_return finished(std::move(verdict), call->ending());
}

asio::awaitable<void> Machine::copy_in_by_agent(std::shared_ptr<AgentLink> link,
                                                std::filesystem::path source, std::string target) {
    auto what = fmt::format("copy {} to {}", source.string(), target);
    auto open = [source] { return std::make_shared<files::TreeReader>(source); };
    auto reader = co_await off_thread(*host_, open);
    for (const auto& path : reader->skipped())
        sink_({io::EventKind::warning, name(),
               fmt::format("{} is no file, directory or link and is not copied", path)});
    channel::Request request;
    request.text = channel::words({"receive", target});
    request.built_in = true;
    request.with_input = true;
    auto call = link->channel().start(std::move(request));
    channel::Abandoned abandoned(call);
    auto verdict = co_await unless_dead(link, send_tree(call, reader, what));
    if (!verdict.done)
        throw io::Error(fmt::format("{}: cannot {}: {}", name(), what, verdict.complaint));
}

asio::awaitable<void> Machine::copy_out_by_agent(std::shared_ptr<AgentLink> link,
                                                 std::string source, std::filesystem::path target) {
    auto what = fmt::format("copy {} to the host", source);
    auto writer = std::make_shared<files::TreeWriter>(std::move(target));
    channel::Request request;
    request.text = channel::words({"send", source});
    request.built_in = true;
    auto call = link->channel().start(std::move(request));
    channel::Abandoned abandoned(call);
    auto verdict = co_await unless_dead(link, receive_tree(call, writer, what));
    if (!verdict.done)
        throw io::Error(fmt::format("{}: cannot {}: {}", name(), what, verdict.complaint));
    if (!verdict.complaint.empty())
        sink_({io::EventKind::warning, name(), std::move(verdict.complaint)});
    auto finish = [writer] { writer->finish(); };
    co_await off_thread(*host_, finish);
}

}  // namespace charioteer::machine
