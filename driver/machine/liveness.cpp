#include "machine/liveness.hpp"

#include <algorithm>
#include <utility>

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// After so long the silence of a guest is logged. Under TCG the host may be busy elsewhere, too.
constexpr auto usual_silence = 10s;
constexpr auto usual_silence_tcg = 30s;
/// Of an agent at a deadline. While it answers, it is asked again and again.
constexpr auto answer_patience = 10s;
constexpr auto answer_interval = 5s;

}  // namespace

io::Duration Liveness::silence_limit() const {
    bool tcg = context_->accelerator().accelerator == Accelerator::tcg;
    return tcg ? usual_silence_tcg : usual_silence;
}

/// Returns when the guest has to be given up: `deadline` has passed, and the agent does not answer.
/// Never returns while the root shell serves, whose commands have deadlines of their own.
asio::awaitable<void> Liveness::until_silent(Liveness self, io::Deadline deadline,
                                             std::string what) {
    auto& time = self.context_->time();
    // The first answer, or that there is none, is known by the deadline.
    co_await time.sleep_until(deadline.when() - answer_patience);
    for (bool logged = false;;) {
        auto link = self.agent_->expected();
        bool answers = false;
        if (link && link->usable()) answers = co_await link->answers(answer_patience);
        bool passed = deadline.passed(time.now());
        if (link && !answers && passed) co_return;
        if (link && passed && !std::exchange(logged, true))
            self.context_->log(fmt::format("{} in time, but the guest answers: waiting on", what));
        co_await time.sleep_until(std::max(deadline.when(), time.now() + answer_interval));
    }
}

}  // namespace charioteer::machine
