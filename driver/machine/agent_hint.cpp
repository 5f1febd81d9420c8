#include "machine/agent_hint.hpp"

namespace charioteer::machine {

AgentHint::AgentHint(std::shared_ptr<Context> context, std::shared_ptr<GuestAgent> agent,
                     std::vector<std::string> words)
    : context_(std::move(context)), agent_(std::move(agent)), words_(std::move(words)) {}

asio::awaitable<void> AgentHint::sleep(io::Duration pause, io::Duration short_pause) {
    auto& time = context_->time();
    bool came_before = std::exchange(came_, false);
    if (came_before) co_await time.sleep_for(short_pause);
    auto link = words_.empty() ? nullptr : agent_->usable();
    if (!link) {
        if (!came_before) co_await time.sleep_for(short_pause);
        co_return;
    }
    bool lost = false;
    try {
        Liveness liveness(context_, agent_);
        auto ended = liveness.unless_dead(link, until_it_ends(link));
        auto deadline = time.deadline_after(pause);
        co_await deadline.limit(std::move(ended), "no hint came");
        came_ = true;
    } catch (const io::TimeoutError&) {
        // The command is tried without a hint.
    } catch (const channel::Refused&) {
        words_.clear();
    } catch (const io::Error&) {
        // The next try reports the loss of the guest, or starts another agent.
        call_.reset();
        lost = true;
    }
    if (lost) co_await time.sleep_for(short_pause);
}

asio::awaitable<void> AgentHint::until_it_ends(std::shared_ptr<AgentLink> link) {
    if (!call_) call_ = link->channel().start(command::built_in(words_));
    for (;;) {
        auto piece = co_await call_->next();
        if (!piece) break;
    }
    // Another status means that the program cannot check this, now or later.
    if (call_->outcome().status != 0) words_.clear();
    call_.reset();
}

}  // namespace charioteer::machine
