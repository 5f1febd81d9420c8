#include "session/session.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "io/condition.hpp"

namespace charioteer::session {

namespace {

using namespace std::chrono_literals;

constexpr auto close_limit = 20s;

/// The progress of the clean-up of the machines. Shared with its coroutines, which may run longer
/// than the limit.
struct Progress {
    explicit Progress(const asio::any_io_executor& executor) : changed(executor) {}

    std::vector<std::shared_ptr<machine::Machine>> left;
    std::vector<std::string> problems;
    io::Condition changed;
};

asio::awaitable<void> release(std::shared_ptr<machine::Machine> machine,
                              std::shared_ptr<Progress> progress) {
    try {
        co_await machine->release();
    } catch (const std::exception& error) {
        progress->problems.push_back(
            fmt::format("Error during cleanup of {}: {}", machine->name(), error.what()));
    }
    std::erase(progress->left, machine);
    progress->changed.notify_all();
}

asio::awaitable<void> until_released(std::shared_ptr<Progress> progress) {
    while (!progress->left.empty()) co_await progress->changed.wait();
}

}  // namespace

Session::Session(std::shared_ptr<machine::Host> host, io::EventSink sink,
                 std::function<void()> end_process)
    : host_(std::move(host)), sink_(std::move(sink)), end_process_(std::move(end_process)) {}

void Session::adopt(std::shared_ptr<machine::Machine> machine) {
    machines_.push_back(std::move(machine));
}

void Session::adopt(std::shared_ptr<Network> network) {
    bool is_first = networks_.empty();
    TrafficMeter meter(network->vlan().number());
    networks_.push_back({std::move(network), meter});
    if (is_first)
        asio::co_spawn(host_->executor(), report_each_second(shared_from_this()), asio::detached);
}

asio::awaitable<void> Session::report_each_second(std::shared_ptr<Session> self) {
    // A weak reference, so that the session does not exist as long as the timer.
    std::weak_ptr<Session> weak = self;
    auto& time = self->host_->time();
    while (self && !self->networks_.empty()) {
        self->report_traffic();
        self.reset();
        co_await time.sleep_for(1s);
        self = weak.lock();
    }
}

void Session::report_traffic() {
    for (auto& [network, meter] : networks_)
        if (auto event = meter.take(network->vlan().counters(), network->vlan().sent()))
            sink_(*event);
}

void Session::arm_timeout(io::Duration limit) {
    asio::co_spawn(host_->executor(), expire(shared_from_this(), limit, ++timeout_number_),
                   asio::detached);
}

asio::awaitable<void> Session::expire(std::shared_ptr<Session> self, io::Duration limit,
                                      unsigned number) {
    // A weak reference, so that the session does not exist as long as the timer.
    std::weak_ptr<Session> weak = self;
    auto& time = self->host_->time();
    self.reset();
    co_await time.sleep_for(limit);
    self = weak.lock();
    if (!self || self->timeout_number_ != number) co_return;
    self->sink_({io::EventKind::state, {}, "time-limit"});
    self->sink_({io::EventKind::log, {}, "timeout reached; test terminating..."});
    self->end_process_();
}

asio::awaitable<std::vector<std::string>> Session::close(vlan::StopLimits network_limits) {
    cancel_timeout();
    auto progress = std::make_shared<Progress>(host_->executor());
    progress->left = std::exchange(machines_, {});
    auto machines = progress->left;
    for (const auto& machine : machines)
        asio::co_spawn(host_->executor(), release(machine, progress), asio::detached);
    try {
        co_await host_->time()
            .deadline_after(close_limit)
            .limit(until_released(progress), "machines did not end");
    } catch (const io::TimeoutError&) {
        for (const auto& machine : progress->left)
            progress->problems.push_back(
                fmt::format("Error during cleanup of {}: QEMU did not end within {} s",
                            machine->name(), close_limit.count()));
    }
    for (const auto& [network, meter] : networks_) network->stop(network_limits);
    report_traffic();
    networks_.clear();
    co_return progress->problems;
}

}  // namespace charioteer::session
