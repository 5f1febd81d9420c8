#include "vlan/trunk/trunk.hpp"

namespace charioteer::vlan {

Trunk::State Trunk::state() const {
    std::lock_guard lock(mutex_);
    return state_;
}

std::string Trunk::reason() const {
    std::lock_guard lock(mutex_);
    return reason_;
}

Trunk::State Trunk::wait(State state, io::Duration limit) const {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, limit, [&] { return state_ >= state; });
    return state_;
}

void Trunk::join() {
    std::lock_guard lock(mutex_);
    if (state_ == State::waiting) state_ = State::joined;
    changed_.notify_all();
}

void Trunk::end(std::string reason) {
    std::lock_guard lock(mutex_);
    if (state_ == State::ended) return;
    state_ = State::ended;
    reason_ = std::move(reason);
    changed_.notify_all();
}

}  // namespace charioteer::vlan
