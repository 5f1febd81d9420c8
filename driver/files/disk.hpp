#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "io/condition.hpp"
#include "io/deadline.hpp"

namespace charioteer::files {

namespace asio = boost::asio;

/// Threads for reading and writing files, so that a slow disk does not block the io thread. They
/// are created when needed. Each copy uses a thread for one piece at a time, so that a hung disk
/// blocks only the copies that use it, up to the number of threads.
///
/// The threads run plain functions and post their results back; they share no coroutines or
/// cancellation signals with the io thread.
class Disk {
public:
    static constexpr std::size_t default_threads = 4;

    /// Results are posted to `executor`, that of the io thread.
    explicit Disk(asio::any_io_executor executor, std::size_t threads = default_threads);
    Disk(const Disk&) = delete;
    Disk& operator=(const Disk&) = delete;
    /// Calls end() with a limit of a few seconds.
    ~Disk();

    /// Runs `function` on one of the threads and returns its result or rethrows its exception. Io
    /// thread. When the call is cancelled, the wait ends immediately and `function` continues: it
    /// must own the objects that it uses; they and its result are destroyed on its thread. Throws
    /// io::Interrupted after end().
    template <class Function>
    asio::awaitable<std::invoke_result_t<Function>> run(Function function);

    /// When the last reference is dropped, on any thread, the object is destroyed on one of these
    /// threads.
    template <class Object>
    std::shared_ptr<Object> own(std::unique_ptr<Object> object);

    /// Rejects new functions from now on and waits for the running ones. Returns false after
    /// `limit`: the results of functions that end later are discarded, and their waiters are
    /// leaked. To be called before the end of the io thread, by any other thread.
    bool end(io::Duration limit) noexcept;

private:
    class Workers;
    /// Used on the io thread.
    struct Waiter {
        explicit Waiter(const asio::any_io_executor& executor) : changed(executor) {}
        io::Condition changed;
        bool done = false;
    };
    template <class Result>
    class Outcome;

    void start(std::function<void()> work, std::shared_ptr<Waiter> waiter);
    /// Runs `work`, which must not throw, on one of the threads, or on the calling thread after
    /// end().
    static void dispose(const std::shared_ptr<Workers>& workers, std::function<void()> work);

    asio::any_io_executor executor_;
    std::shared_ptr<Workers> workers_;
};

/// The result or exception of a function. Written by its thread, and read by the io thread after it
/// was posted.
template <class Result>
class Disk::Outcome {
public:
    template <class Function>
    void take_from(Function& function) noexcept {
        try {
            if constexpr (std::is_void_v<Result>)
                function();
            else
                value_.emplace(function());
        } catch (...) {
            failure_ = std::current_exception();
        }
    }
    Result get() {
        if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
        if constexpr (!std::is_void_v<Result>) return std::move(*value_);
    }

private:
    std::exception_ptr failure_;
    std::optional<std::conditional_t<std::is_void_v<Result>, std::monostate, Result>> value_;
};

template <class Function>
asio::awaitable<std::invoke_result_t<Function>> Disk::run(Function function) {
    using Result = std::invoke_result_t<Function>;
    auto outcome = std::make_shared<Outcome<Result>>();
    auto waiter = std::make_shared<Waiter>(executor_);
    start([outcome, body = std::move(function)]() mutable { outcome->take_from(body); }, waiter);
    while (!waiter->done) co_await waiter->changed.wait();
    co_return outcome->get();
}

template <class Object>
std::shared_ptr<Object> Disk::own(std::unique_ptr<Object> object) {
    auto drop = [workers = workers_](Object* last) { dispose(workers, [last] { delete last; }); };
    return std::shared_ptr<Object>(object.release(), std::move(drop));
}

}  // namespace charioteer::files
