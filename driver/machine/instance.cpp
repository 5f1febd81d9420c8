#include "machine/instance.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>

#include "io/error.hpp"
#include "io/with_deadline.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// How long an ending QEMU may take, once it has closed its sockets, to tell how it ended.
constexpr auto obituary_patience = 3s;

asio::awaitable<void> accept_into(io::UnixAcceptor& acceptor, io::UnixStream& stream) {
    co_await acceptor.async_accept(stream, asio::use_awaitable);
}

asio::awaitable<int> await_exit(std::shared_ptr<process::Child> child) {
    auto status = co_await child->wait(io::Deadline::never());
    co_return status.returncode();
}

}  // namespace

Instance::Instance(std::shared_ptr<Console> console, std::shared_ptr<Host> host)
    : console_(std::move(console)), host_(std::move(host)), monitor_(host_->executor()) {}

asio::awaitable<std::shared_ptr<Instance>> Instance::launch(LaunchPlan plan,
                                                            std::shared_ptr<Console> console,
                                                            std::shared_ptr<Host> host,
                                                            io::Deadline deadline) {
    std::shared_ptr<Instance> self(new Instance(std::move(console), std::move(host)));
    Sockets sockets(plan.directory);
    auto monitor = io::listen_unix(self->host_->executor(), sockets.monitor);
    auto shell = io::listen_unix(self->host_->executor(), sockets.shell);
    io::check_socket_path(sockets.qmp);
    io::UnixStream shell_stream(self->host_->executor());
    std::exception_ptr failure;
    co_await self->start_process(std::move(plan));
    try {
        co_await self->accept_one(monitor, self->monitor_, "monitor", deadline);
        co_await self->accept_one(shell, shell_stream, "shell", deadline);
        asio::co_spawn(self->host_->executor(), drain(self), asio::detached);
        auto& time = self->host_->time();
        auto qmp = co_await io::connect_unix(sockets.qmp, deadline, time);
        self->qmp_ = co_await qmp::Client::open(std::move(qmp), self->obituary(), deadline, time);
        self->shell_ = shell::Session::open(std::move(shell_stream), self->obituary(), time);
    } catch (...) {
        failure = std::current_exception();
    }
    if (failure) {
        self->child_->kill();
        self->close();
        std::rethrow_exception(failure);
    }
    co_return self;
}

asio::awaitable<void> Instance::start_process(LaunchPlan plan) {
    process::ProcessSpec spec;
    spec.arguments = {"/bin/sh", "-c", std::move(plan.command)};
    spec.environment = std::move(plan.environment);
    spec.directory = std::move(plan.directory);
    spec.keep_open = plan.lock;
    auto feed = [console = console_](std::string_view bytes) { console->feed(bytes); };
    child_ = co_await process::Child::spawn(std::move(spec), feed, host_->time());
}

asio::awaitable<void> Instance::accept_one(io::UnixAcceptor& acceptor, io::UnixStream& stream,
                                           std::string_view what, io::Deadline deadline) {
    auto executor = host_->executor();
    auto accepted = io::with_deadline(accept_into(acceptor, stream), deadline, host_->time(),
                                      fmt::format("QEMU did not connect to {} socket", what));
    auto group = asio::experimental::make_parallel_group(
        asio::co_spawn(executor, std::move(accepted), asio::deferred),
        asio::co_spawn(executor, await_exit(child_), asio::deferred));
    auto [order, failure, exit_failure, code] =
        co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    if (order[0] == 1 && !exit_failure)
        throw io::Error(
            fmt::format("QEMU process exited with code {} before connecting to {} "
                        "socket.\n{}",
                        code, what, child_->last_output()));
    if (failure) std::rethrow_exception(failure);
}

io::Obituary Instance::obituary() {
    // Weak: the client and the session that hold it are held by us.
    return [weak = weak_from_this()]() -> asio::awaitable<std::string> {
        auto self = weak.lock();
        if (!self) co_return "the driver closed the connection";
        auto& time = self->host_->time();
        bool ended = true;
        try {
            co_await self->child_->wait(time.deadline_after(obituary_patience));
        } catch (const io::TimeoutError&) {
            ended = false;
        }
        co_return ended ? self->state() : std::string("QEMU closed the connection but still runs");
    };
}

asio::awaitable<void> Instance::drain(std::shared_ptr<Instance> self) {
    std::array<char, 4096> buffer{};
    boost::system::error_code failure;
    while (!failure)
        co_await self->monitor_.async_read_some(asio::buffer(buffer),
                                                asio::redirect_error(asio::use_awaitable, failure));
}

std::string Instance::state() const {
    if (!child_->status()) return fmt::format("QEMU still runs (pid {})", child_->pid());
    return fmt::format("QEMU {}", child_->status()->describe());
}

void Instance::close() {
    boost::system::error_code ignored;
    monitor_.close(ignored);
    if (qmp_) qmp_->close();
    if (shell_) shell_->close();
}

}  // namespace charioteer::machine
