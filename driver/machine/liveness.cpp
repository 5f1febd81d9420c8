#include "machine/liveness.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// After so long the silence of a guest is logged. Under TCG the host may be busy elsewhere, too.
constexpr auto usual_silence = 10s;
constexpr auto usual_silence_tcg = 30s;
/// Of an agent after a deadline. Then it is asked again and again.
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
    co_await time.sleep_until(deadline.when());
    for (bool logged = false;; logged = true) {
        auto link = self.agent_->expected();
        bool answers = false;
        if (link && link->usable()) answers = co_await link->answers(answer_patience);
        if (link && !answers) co_return;
        if (link && !logged)
            self.context_->log(fmt::format("{} in time, but the guest answers: waiting on", what));
        co_await time.sleep_for(answer_interval);
    }
}

}  // namespace charioteer::machine
