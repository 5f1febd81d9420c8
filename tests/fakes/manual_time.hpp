#pragma once

#include <list>
#include <mutex>

#include "io/time_source.hpp"

namespace charioteer::fakes {

/// A clock that only the test advances. Sleepers wake when it reaches their time.
/// advance() may be called on any thread; sleepers must all run on one io thread.
class ManualTime : public io::TimeSource {
public:
    io::TimePoint now() const override;
    io::asio::awaitable<void> sleep_until(io::TimePoint when) override;

    void advance(io::Duration step);
    /// The number of sleepers that are not due yet. Tests use it to know that the code under test
    /// waits.
    std::size_t sleepers() const;
    /// The number of sleepers that are due and have not yet run.
    std::size_t due() const;

private:
    /// Lives in the coroutine that sleeps, so that its timer never outlives the io thread.
    class Sleeper;

    mutable std::mutex mutex_;
    io::TimePoint now_{std::chrono::hours(1)};
    std::list<Sleeper*> sleepers_;
};

}  // namespace charioteer::fakes
