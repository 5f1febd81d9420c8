#include "vlan/peer_names.hpp"

#include <pthread.h>

#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <utility>

#include "io/signals_blocked.hpp"

namespace charioteer::vlan {

/// What the thread works with. It owns it, too, because it may be left to itself.
struct PeerNames::Work {
    void run() noexcept;

    std::function<std::string(pid_t)> find;
    std::mutex mutex;  ///< protects what follows
    std::condition_variable changed;
    std::function<void()> wake;
    std::deque<Question> questions;
    std::vector<Answer> answers;
    bool is_busy = false;  ///< the thread may be blocked by the kernel
    bool is_left = false;
};

void PeerNames::Work::run() noexcept {
    ::pthread_setname_np(::pthread_self(), "plug-names");
    std::unique_lock lock(mutex);
    for (;;) {
        changed.wait(lock, [this] { return is_left || !questions.empty(); });
        if (is_left) return;
        auto question = questions.front();
        questions.pop_front();
        is_busy = true;
        lock.unlock();
        std::string machine;
        try {
            machine = find(question.process);
        } catch (const std::exception&) {
            // As for a process that has ended.
        }
        lock.lock();
        is_busy = false;
        if (is_left) return;
        answers.push_back({question.ticket, std::move(machine)});
        wake();
    }
}

PeerNames::PeerNames(Settings settings, std::function<void()> wake)
    : settings_(std::move(settings)), wake_(std::move(wake)) {
    start();
}

PeerNames::~PeerNames() {
    leave();
}

/// False if the system gives no thread now.
bool PeerNames::start() {
    work_ = std::make_shared<Work>();
    work_->find = settings_.find;
    work_->wake = wake_;
    work_->questions = asked_;
    io::SignalsBlocked blocked;
    try {
        thread_ = std::thread([work = work_] { work->run(); });
    } catch (const std::system_error&) {
        return false;
    }
    return true;
}

void PeerNames::leave() noexcept {
    if (!thread_.joinable()) return;
    bool is_busy = false;
    {
        std::lock_guard lock(work_->mutex);
        work_->is_left = true;
        is_busy = work_->is_busy;
    }
    work_->changed.notify_all();
    if (is_busy)
        thread_.detach();
    else
        thread_.join();
}

void PeerNames::ask(std::uint64_t ticket, pid_t process, io::TimePoint now) {
    if (asked_.empty()) first_since_ = now;
    asked_.push_back({ticket, process});
    {
        std::lock_guard lock(work_->mutex);
        work_->questions.push_back(asked_.back());
    }
    work_->changed.notify_all();
}

std::vector<PeerNames::Answer> PeerNames::take(io::TimePoint now) {
    std::vector<Answer> answers;
    {
        std::lock_guard lock(work_->mutex);
        answers.swap(work_->answers);
    }
    if (!answers.empty()) first_since_ = now;
    asked_.erase(asked_.begin(), asked_.begin() + static_cast<std::ptrdiff_t>(answers.size()));
    if (asked_.empty()) return answers;
    if (thread_.joinable()) {
        if (now < first_since_ + settings_.limit) return answers;
        answers.push_back({asked_.front().ticket, {}, true});
        asked_.pop_front();
        first_since_ = now;
        leave();
    }
    if (start()) return answers;
    // The plugs have no names then, but the network goes on.
    for (const auto& each : asked_) answers.push_back({each.ticket, {}, true});
    asked_.clear();
    return answers;
}

std::optional<io::TimePoint> PeerNames::next_due() const {
    if (asked_.empty()) return std::nullopt;
    return first_since_ + settings_.limit;
}

}  // namespace charioteer::vlan
