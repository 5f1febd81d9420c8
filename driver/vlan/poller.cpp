#include "vlan/poller.hpp"

#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>

#include "io/error.hpp"

namespace charioteer::vlan {

namespace {

epoll_event event_for(Source source, std::uint32_t interest) {
    epoll_event event{};
    event.events = interest;
    if (source.kind == Source::Kind::port_output) event.events &= ~std::uint32_t{EPOLLIN};
    event.data.u64 = std::uint64_t{static_cast<std::uint32_t>(source.kind)} << 32 | source.index;
    return event;
}

}  // namespace

Source source_of(const epoll_event& event) noexcept {
    return {static_cast<Source::Kind>(event.data.u64 >> 32),
            static_cast<std::uint32_t>(event.data.u64)};
}

Poller::Poller()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      // The clock of std::chrono::steady_clock.
      timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
    if (!epoll_ || !wake_ || !timer_)
        throw io::system_error("cannot create an epoll, event or timer descriptor", errno);
    add(wake_.get(), {Source::Kind::wake, 0});
    add(timer_.get(), {Source::Kind::timer, 0});
}

void Poller::add(int descriptor, Source source) {
    auto event = event_for(source, EPOLLIN);
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0)
        throw io::system_error("cannot watch a socket with epoll", errno);
}

void Poller::want_write(int descriptor, Source source, bool wanted) noexcept {
    auto event = event_for(source, wanted ? EPOLLIN | EPOLLOUT : EPOLLIN);
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, descriptor, &event);
}

std::span<const epoll_event> Poller::wait() noexcept {
    int number = ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), -1);
    return {events_.data(), number < 0 ? 0u : static_cast<std::size_t>(number)};
}

void Poller::set_timer(std::optional<io::TimePoint> when) noexcept {
    if (when == timer_when_) return;
    timer_when_ = when;
    itimerspec setting{};
    if (when) {
        constexpr std::int64_t second = 1'000'000'000;
        // Zero would switch the timer off.
        auto time =
            std::max<std::int64_t>(std::chrono::nanoseconds(when->time_since_epoch()).count(), 1);
        setting.it_value = {time / second, time % second};
    }
    // Setting it also ends its readiness.
    ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &setting, nullptr);
}

void Poller::wake() noexcept {
    std::uint64_t one = 1;
    // Fails only if the counter is at its maximum, and then it is readable anyway.
    [[maybe_unused]] auto written = ::write(wake_.get(), &one, sizeof one);
}

void Poller::take_wake() noexcept {
    std::uint64_t number = 0;
    // Fails if there is nothing to take.
    [[maybe_unused]] auto taken = ::read(wake_.get(), &number, sizeof number);
}

}  // namespace charioteer::vlan
