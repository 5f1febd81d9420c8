#pragma once

#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "io/error.hpp"

namespace charioteer::io {

namespace detail {

/// The slot between the thread that waits and the io thread that works. With that of files::Disk
/// the only mutex of the core.
template <class T>
struct PendingState {
    using Stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

    std::mutex mutex;
    std::condition_variable settled;
    bool done = false;
    std::exception_ptr failure;
    std::optional<Stored> value;
    /// Asks the io thread to cancel the operation. Set before anybody can wait, never changed.
    std::function<void()> cancel;

    void settle(std::exception_ptr error, std::optional<Stored> result) {
        {
            std::lock_guard lock(mutex);
            if (done) return;
            done = true;
            failure = std::move(error);
            value = std::move(result);
        }
        settled.notify_all();
    }
};

}  // namespace detail

/// The result of an operation on the io thread, seen from any other thread. Copies share it.
template <class T>
class Pending {
public:
    explicit Pending(std::shared_ptr<detail::PendingState<T>> state) : state_(std::move(state)) {}

    /// Waits at most `limit`; true when the operation has ended, one way or the other.
    bool wait_for(std::chrono::milliseconds limit) const {
        std::unique_lock lock(state_->mutex);
        return state_->settled.wait_for(lock, limit, [this] { return state_->done; });
    }

    /// The value, once; blocks until there is one. Rethrows what the operation threw; throws
    /// Interrupted when it was cancelled or the runtime stopped.
    T get() {
        std::unique_lock lock(state_->mutex);
        state_->settled.wait(lock, [this] { return state_->done; });
        if (state_->failure) std::rethrow_exception(state_->failure);
        if constexpr (!std::is_void_v<T>) return std::move(*state_->value);
    }

    /// Asks the operation to end; it then settles with Interrupted. Any thread.
    void cancel() const { state_->cancel(); }

private:
    std::shared_ptr<detail::PendingState<T>> state_;
};

}  // namespace charioteer::io
