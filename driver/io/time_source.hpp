#pragma once

#include <boost/asio/awaitable.hpp>

#include "io/deadline.hpp"

namespace charioteer::io {

namespace asio = boost::asio;

/// The clock of the core, which tests replace by a manual one. Io thread only, except now().
class TimeSource {
public:
    virtual ~TimeSource() = default;

    virtual TimePoint now() const = 0;
    /// Returns when now() has reached `when`; TimePoint::max() means never.
    virtual asio::awaitable<void> sleep_until(TimePoint when) = 0;

    asio::awaitable<void> sleep_for(Duration duration) {
        return sleep_until(deadline_after(duration).when());
    }
    Deadline deadline_after(Duration duration) { return deadline_after(duration, now()); }
    Deadline deadline_after(Duration duration, TimePoint begin) {
        return Deadline::after(duration, begin, *this);
    }
};

/// The monotonic clock of the host.
class SteadyTime : public TimeSource {
public:
    TimePoint now() const override;
    asio::awaitable<void> sleep_until(TimePoint when) override;
};

}  // namespace charioteer::io
