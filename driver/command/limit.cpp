#include "command/limit.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace charioteer::command {

using namespace std::chrono_literals;

Limit probe_limit(io::Duration left) {
    constexpr std::chrono::seconds longest = 900s;
    constexpr std::chrono::seconds late_answer = 150s;
    auto rest = std::chrono::ceil<std::chrono::seconds>(std::max(left, io::Duration::zero()));
    auto granted = rest < longest ? std::min(rest + late_answer, longest) : longest;
    return {granted, fmt::format("{}", granted.count())};
}

io::Deadline at_most(io::Duration bound, io::Deadline caller, io::TimeSource& time) {
    auto step = time.deadline_after(bound);
    return step.when() < caller.when() ? step : caller;
}

std::string describe(const std::optional<Limit>& limit, io::Duration excess) {
    if (!limit || limit->duration <= io::Duration::zero()) return "no limit";
    auto text = fmt::format("limit {} s", limit->text);
    if (excess > io::Duration::zero())
        text += fmt::format(", and {:.4g} s more for the driver", io::seconds(excess));
    return text;
}

io::Deadline deadline_of(std::optional<io::Duration> limit, io::TimeSource& time) {
    if (!limit || *limit <= io::Duration::zero()) return io::Deadline::never();
    return time.deadline_after(*limit + grace);
}

io::Deadline deadline_of(const std::optional<Limit>& limit, io::TimeSource& time) {
    return deadline_of(limit ? std::optional(limit->duration) : std::nullopt, time);
}

}  // namespace charioteer::command
