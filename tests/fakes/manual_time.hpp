#pragma once

#include <list>
#include <mutex>

#include "io/time_source.hpp"

namespace charioteer::fakes {

/// A clock that stands still until the test moves it. Sleepers wake when it passes their moment.
/// advance() may be called on any thread; sleepers must all run on one io thread.
class ManualTime : public io::TimeSource {
public:
    io::TimePoint now() const override;
    io::asio::awaitable<void> sleep_until(io::TimePoint when) override;

    void advance(io::Duration step);
    /// How many sleepers are not due yet, to know that the code under test has reached its wait.
    /// One that advance() has just woken may still be on its way.
    std::size_t sleepers() const;
    /// How many are due and have not yet woken.
    std::size_t due() const;

private:
    /// Lives in the coroutine that sleeps, so that its timer never outlives the io thread.
    class Sleeper;

    mutable std::mutex mutex_;
    io::TimePoint now_{std::chrono::hours(1)};
    std::list<Sleeper*> sleepers_;
};

}  // namespace charioteer::fakes
