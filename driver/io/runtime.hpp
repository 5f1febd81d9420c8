#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <thread>
#include <type_traits>

#include "io/pending.hpp"
#include "io/time_source.hpp"

namespace charioteer::io {

namespace detail {

/// Settles a Pending. Move-only. If it is destroyed without a result, because the io_context is
/// destroyed with the operation, it settles the Pending as stopped, so that no waiter hangs.
template <class T>
class Promise {
public:
    explicit Promise(std::shared_ptr<PendingState<T>> state) : state_(std::move(state)) {}
    Promise(Promise&&) noexcept = default;
    Promise& operator=(Promise&&) = delete;
    ~Promise() {
        if (state_) state_->settle(std::make_exception_ptr(Interrupted("the driver stopped")), {});
    }

    void settle(std::exception_ptr failure, std::optional<typename PendingState<T>::Stored> value) {
        std::exchange(state_, nullptr)->settle(std::move(failure), std::move(value));
    }

private:
    std::shared_ptr<PendingState<T>> state_;
};

/// Converts "operation aborted" of a cancelled operation to Interrupted.
std::exception_ptr translate_abort(std::exception_ptr failure);

}  // namespace detail

/// The io thread and its io_context. Everything below session runs on this thread; other threads
/// start operations by start() and wait for the Pending. The thread never calls Python.
class Runtime {
public:
    Runtime();
    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;
    ~Runtime();

    /// Runs `operation` on the io thread. Throws std::logic_error when called on the io thread,
    /// where waiting for the result would be a deadlock; settles with Interrupted after stop().
    template <class T>
    Pending<T> start(asio::awaitable<T> operation);

    /// Ends the io thread; operations in flight settle with Interrupted. Idempotent.
    void stop() noexcept;

    asio::any_io_executor executor() { return context_->get_executor(); }
    TimeSource& time() noexcept { return time_; }
    bool on_io_thread() const noexcept { return std::this_thread::get_id() == thread_.get_id(); }

private:
    using WorkGuard = asio::executor_work_guard<asio::io_context::executor_type>;

    void expect_other_thread() const;

    SteadyTime time_;
    /// Shared, so that a Pending that outlives the runtime can detect its end.
    std::shared_ptr<asio::io_context> context_;
    WorkGuard work_;
    std::thread thread_;
};

template <class T>
Pending<T> Runtime::start(asio::awaitable<T> operation) {
    expect_other_thread();
    auto state = std::make_shared<detail::PendingState<T>>();
    auto signal = std::make_shared<asio::cancellation_signal>();
    std::weak_ptr<asio::io_context> weak_context = context_;
    state->cancel = [weak_context, signal] {
        auto context = weak_context.lock();
        if (!context) return;
        // Only the io thread may emit, because the slot is used by operations on that thread.
        asio::post(*context, [signal] { signal->emit(asio::cancellation_type::terminal); });
    };
    Pending<T> pending(state);
    detail::Promise<T> promise(std::move(state));
    auto launch = [context = context_.get(), signal, operation = std::move(operation),
                   promise = std::move(promise)]() mutable {
        auto slot = signal->slot();
        if constexpr (std::is_void_v<T>) {
            auto complete = [signal,
                             promise = std::move(promise)](std::exception_ptr failure) mutable {
                promise.settle(detail::translate_abort(std::move(failure)), std::monostate{});
            };
            asio::co_spawn(*context, std::move(operation),
                           asio::bind_cancellation_slot(slot, std::move(complete)));
        } else {
            auto complete = [signal, promise = std::move(promise)](std::exception_ptr failure,
                                                                   T value) mutable {
                promise.settle(detail::translate_abort(std::move(failure)), std::move(value));
            };
            asio::co_spawn(*context, std::move(operation),
                           asio::bind_cancellation_slot(slot, std::move(complete)));
        }
    };
    asio::post(*context_, std::move(launch));
    return pending;
}

}  // namespace charioteer::io
