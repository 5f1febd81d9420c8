#include "io/deadline.hpp"

#include <fmt/format.h>

#include "io/time_source.hpp"

namespace charioteer::io {

TimeoutError Deadline::exceeded(std::string_view what) const {
    return TimeoutError(
        fmt::format("{} within {:.4g} s", what, seconds(duration_.value_or(Duration::zero()))));
}

asio::awaitable<void> Deadline::sleep() const {
    return time_->sleep_until(when_);
}

}  // namespace charioteer::io
