#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/condition.hpp"
#include "io/fork.hpp"
#include "io/time_source.hpp"
#include "process/exit_status.hpp"
#include "process/guard/message.hpp"
#include "process/spawn.hpp"

namespace charioteer::process {

namespace asio = boost::asio;

/// What to start, as a pure value.
struct ProcessSpec {
    std::vector<std::string> arguments;    ///< [0] is searched in PATH
    std::vector<std::string> environment;  ///< NAME=value
    std::filesystem::path directory;
    int keep_open = -1;  ///< a descriptor that stays open until all its processes have ended, or -1
    int input = -1;      ///< a descriptor that is its standard input; -1: what write() gives it
    int passed = -1;     ///< a descriptor that it finds as guard::passed_fd, or -1
};

/// A process and all processes that it has started. Io thread only.
///
/// A guard process runs between the driver and it (guard/main.cpp): if the driver ends, even by
/// SIGKILL, all of them are killed; when the process ends, its helpers are. Standard output and
/// error are one stream, which is always read, so that the process never blocks when it writes.
class Child : public std::enable_shared_from_this<Child> {
public:
    using OutputSink = std::function<void(std::string_view bytes)>;

    /// Starts it. `sink` gets its output as it is read. Throws io::Error when it cannot be run.
    static asio::awaitable<std::shared_ptr<Child>> spawn(ProcessSpec spec, OutputSink sink,
                                                         io::TimeSource& time);
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    /// Called when all processes have ended, or when the io thread stops: then the guard kills the
    /// remaining ones.
    ~Child() = default;

    pid_t pid() const noexcept { return pid_; }
    /// None while it runs.
    const std::optional<ExitStatus>& status() const noexcept { return status_; }
    /// The last 8 KiB of its output.
    std::string_view last_output() const noexcept;

    /// Waits until it has ended, its output is read to the end and its helpers have ended. Throws
    /// io::TimeoutError.
    asio::awaitable<ExitStatus> wait(io::Deadline deadline);
    /// Sends its process group a signal. No-op once it has ended.
    void signal(int number);
    /// Sends SIGTERM, and SIGKILL to all its processes when it has not ended after `grace`. Returns
    /// when all have ended.
    asio::awaitable<ExitStatus> terminate(io::Duration grace);
    /// Sends SIGKILL to it and all processes that it has started.
    void kill();
    /// Writes to its standard input. Throws io::ConnectionLost when it does not read any more.
    asio::awaitable<void> write(std::string bytes, io::Deadline deadline);

private:
    Child(asio::any_io_executor executor, OutputSink sink, io::TimeSource& time);
    void launch(const ProcessSpec& spec);
    asio::awaitable<void> expect_start(std::string program);
    asio::awaitable<std::optional<guard::Message>> next_message();
    static asio::awaitable<void> watch_control(std::shared_ptr<Child> self);
    static asio::awaitable<void> watch_guard(std::shared_ptr<Child> self);
    static asio::awaitable<void> read_output(std::shared_ptr<Child> self);
    asio::awaitable<void> until_all_ended();
    asio::awaitable<void> write_all(std::string bytes);
    void keep(std::string_view bytes);
    bool all_ended() const noexcept { return guard_ended_ && output_ended_; }

    OutputSink sink_;
    io::TimeSource& time_;
    asio::posix::stream_descriptor control_;
    std::optional<io::DriverOnly> lifeline_;  ///< control_, whose end shows the driver's end
    asio::posix::stream_descriptor guard_;    ///< pidfd of the guard
    asio::posix::stream_descriptor input_;
    asio::posix::stream_descriptor output_;
    io::Condition changed_;
    pid_t guard_pid_ = 0;
    pid_t pid_ = 0;
    std::optional<ExitStatus> status_;
    std::string tail_;
    bool guard_ended_ = false;
    bool output_ended_ = false;
};

}  // namespace charioteer::process
