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

/// The state shared by a waiting thread and the io thread.
template <class T>
struct PendingState {
    using Stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

    std::mutex mutex;
    std::condition_variable settled;
    bool done = false;
    std::exception_ptr failure;
    std::optional<Stored> value;
    /// Makes the io thread cancel the operation. Set before the first wait, never changed.
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

/// The result of an operation on the io thread, for any other thread. Copies share the result.
template <class T>
class Pending {
public:
    explicit Pending(std::shared_ptr<detail::PendingState<T>> state) : state_(std::move(state)) {}

    /// Waits at most `limit`; true if the operation has ended, also with an error.
    bool wait_for(std::chrono::milliseconds limit) const {
        std::unique_lock lock(state_->mutex);
        return state_->settled.wait_for(lock, limit, [this] { return state_->done; });
    }

    /// Blocks until the operation has ended and returns its value; at most once. Rethrows the
    /// exception of the operation; throws Interrupted if it was cancelled or the runtime has
    /// stopped.
    T get() {
        std::unique_lock lock(state_->mutex);
        state_->settled.wait(lock, [this] { return state_->done; });
        if (state_->failure) std::rethrow_exception(state_->failure);
        if constexpr (!std::is_void_v<T>) return std::move(*state_->value);
    }

    /// Cancels the operation, which then ends with Interrupted. Any thread.
    void cancel() const { state_->cancel(); }

private:
    std::shared_ptr<detail::PendingState<T>> state_;
};

}  // namespace charioteer::io
