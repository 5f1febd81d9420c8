#include "machine/unit_changes.hpp"

#include <algorithm>
#include <utility>

#include "io/deadline.hpp"

namespace charioteer::machine {

namespace {

constexpr double most_at_once = 200;
constexpr double most_a_second = 20;
/// Beyond this number of units their states are forgotten.
constexpr std::size_t most_units = 1000;

}  // namespace

UnitChanges::UnitChanges(std::string machine, io::TimeSource& time, io::EventSink sink)
    : machine_(std::move(machine)),
      time_(time),
      sink_(std::move(sink)),
      allowed_(most_at_once),
      counted_(time.now()) {}

void UnitChanges::take(const systemd::UnitChange& change, const std::string& user) {
    if (states_.size() >= most_units) forget();
    auto& state = states_[{user, change.unit}];
    if (state == std::pair(change.active, change.sub)) return;
    state = {change.active, change.sub};
    if (!may_report()) {
        ++left_out_;
        return;
    }
    io::Event event{io::EventKind::state, machine_, "unit"};
    event.details = {{"unit", change.unit}, {"active", change.active}};
    if (!change.sub.empty()) event.details.emplace_back("sub", change.sub);
    if (!user.empty()) event.details.emplace_back("user", user);
    if (auto count = std::exchange(left_out_, 0); count != 0)
        event.details.emplace_back("left_out", std::to_string(count));
    sink_(event);
}

bool UnitChanges::may_report() {
    auto now = time_.now();
    allowed_ = std::min(most_at_once, allowed_ + most_a_second * io::seconds(now - counted_));
    counted_ = now;
    if (allowed_ < 1) return false;
    --allowed_;
    return true;
}

}  // namespace charioteer::machine
