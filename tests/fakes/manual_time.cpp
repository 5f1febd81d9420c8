#include "fakes/manual_time.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace charioteer::fakes {

namespace asio = io::asio;

/// One coroutine in sleep_until(), registered for its lifetime. Constructor and destructor lock the
/// clock's mutex.
class ManualTime::Sleeper {
public:
    Sleeper(ManualTime& clock, io::TimePoint when, const asio::any_io_executor& executor)
        : clock_(clock), when_(when), timer_(executor, asio::steady_timer::time_point::max()) {
        std::lock_guard lock(clock_.mutex_);
        self_ = clock_.sleepers_.insert(clock_.sleepers_.end(), this);
    }
    Sleeper(const Sleeper&) = delete;
    Sleeper& operator=(const Sleeper&) = delete;
    ~Sleeper() {
        std::lock_guard lock(clock_.mutex_);
        clock_.sleepers_.erase(self_);
    }

    io::TimePoint when() const noexcept { return when_; }
    asio::steady_timer& timer() noexcept { return timer_; }

private:
    ManualTime& clock_;
    io::TimePoint when_;
    asio::steady_timer timer_;
    std::list<Sleeper*>::iterator self_;
};

io::TimePoint ManualTime::now() const {
    std::lock_guard lock(mutex_);
    return now_;
}

std::size_t ManualTime::sleepers() const {
    std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::count_if(
        sleepers_.begin(), sleepers_.end(), [&](auto* sleeper) { return sleeper->when() > now_; }));
}

std::size_t ManualTime::due() const {
    std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::count_if(sleepers_.begin(), sleepers_.end(),
                      [&](auto* sleeper) { return sleeper->when() <= now_; }));
}

asio::awaitable<void> ManualTime::sleep_until(io::TimePoint when) {
    auto executor = co_await asio::this_coro::executor;
    Sleeper sleeper(*this, when, executor);
    if (when <= now()) co_return;
    boost::system::error_code outcome;
    co_await sleeper.timer().async_wait(asio::redirect_error(asio::use_awaitable, outcome));
    if (now() < when) throw boost::system::system_error(asio::error::operation_aborted);
}

void ManualTime::advance(io::Duration step) {
    std::lock_guard lock(mutex_);
    now_ += step;
    for (auto* sleeper : sleepers_) {
        if (sleeper->when() > now_) continue;
        auto executor = sleeper->timer().get_executor();
        // The sleeper may have ended when the handler runs, so the handler searches the list again.
        asio::post(executor, [this] {
            std::lock_guard inner(mutex_);
            for (auto* due : sleepers_)
                if (due->when() <= now_) due->timer().cancel();
        });
    }
}

}  // namespace charioteer::fakes
