#include "machine/liveness.hpp"

#include <algorithm>
#include <utility>

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// How long a guest is silent before that is logged. Longer under TCG, which is slow.
constexpr auto usual_silence = 10s;
constexpr auto usual_silence_tcg = 30s;
/// For the agent's answer to a ping at the deadline; while it answers, it is pinged at intervals.
constexpr auto ping_limit = 10s;
constexpr auto answer_interval = 5s;

}  // namespace

io::Duration Liveness::silence_limit() const {
    bool tcg = context_->accelerator().accelerator == Accelerator::tcg;
    return tcg ? usual_silence_tcg : usual_silence;
}

/// Returns when `deadline` has passed and the agent does not answer. Never returns while the root
/// shell is used, whose commands have their own deadlines.
asio::awaitable<void> Liveness::until_silent(Liveness self, io::Deadline deadline,
                                             std::string what) {
    auto& time = self.context_->time();
    // Early enough that the result of the first ping is known at the deadline.
    co_await time.sleep_until(deadline.when() - ping_limit);
    for (bool logged = false;;) {
        auto link = self.agent_->expected();
        bool answers = false;
        if (link && link->usable()) answers = co_await link->answers(ping_limit);
        bool passed = deadline.passed(time.now());
        if (link && !answers && passed) co_return;
        if (link && passed && !std::exchange(logged, true))
            self.context_->log(
                fmt::format("{} in time, but the guest answers: still waiting", what));
        co_await time.sleep_until(std::max(deadline.when(), time.now() + answer_interval));
    }
}

}  // namespace charioteer::machine
