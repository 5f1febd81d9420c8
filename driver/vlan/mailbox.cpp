#include "vlan/mailbox.hpp"

namespace charioteer::vlan {

void Mailbox::post(std::function<void()> function) {
    {
        std::lock_guard lock(mutex_);
        if (closed_) throw stopped();
        waiting_.push_back(std::move(function));
    }
    wake_();
}

void Mailbox::run() {
    std::vector<std::function<void()>> functions;
    {
        std::lock_guard lock(mutex_);
        functions.swap(waiting_);
    }
    for (auto& function : functions) function();
}

void Mailbox::close() noexcept {
    std::vector<std::function<void()>> discarded;
    std::lock_guard lock(mutex_);
    closed_ = true;
    discarded.swap(waiting_);
}

}  // namespace charioteer::vlan
