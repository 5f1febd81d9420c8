#include "fakes/manual_time.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace charioteer::fakes {

namespace asio = io::asio;

io::TimePoint ManualTime::now() const {
    std::lock_guard lock(mutex_);
    return now_;
}

std::size_t ManualTime::sleepers() const {
    std::lock_guard lock(mutex_);
    return sleepers_.size();
}

asio::awaitable<void> ManualTime::sleep_until(io::TimePoint when) {
    auto executor = co_await asio::this_coro::executor;
    std::list<Sleeper>::iterator self;
    {
        std::lock_guard lock(mutex_);
        if (when <= now_) co_return;
        self = sleepers_.insert(
            sleepers_.end(),
            Sleeper{when, asio::steady_timer(executor, asio::steady_timer::time_point::max())});
    }
    boost::system::error_code outcome;
    co_await self->timer.async_wait(asio::redirect_error(asio::use_awaitable, outcome));
    bool reached;
    {
        std::lock_guard lock(mutex_);
        reached = now_ >= when;
        sleepers_.erase(self);
    }
    if (!reached) throw boost::system::system_error(asio::error::operation_aborted);
}

void ManualTime::advance(io::Duration step) {
    std::lock_guard lock(mutex_);
    now_ += step;
    for (auto& sleeper : sleepers_) {
        if (sleeper.when > now_) continue;
        auto executor = sleeper.timer.get_executor();
        // The timer may be gone when the post runs; look it up again by its moment.
        asio::post(executor, [this] {
            std::lock_guard inner(mutex_);
            for (auto& due : sleepers_)
                if (due.when <= now_) due.timer.cancel();
        });
    }
}

}  // namespace charioteer::fakes
