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

/// Threads on which files are read and written, since a disk must not hold up the io thread. They
/// are made when they are needed; each copy takes one for a piece at a time, so that a disk that
/// hangs stops the copies from it and no others, up to the number of threads.
///
/// The threads share no coroutine and no cancellation signal with the io thread: what they do is a
/// plain function, and its end is posted back.
class Disk {
public:
    static constexpr std::size_t default_threads = 4;

    /// Results come back to `executor`, the io thread's.
    explicit Disk(asio::any_io_executor executor, std::size_t threads = default_threads);
    Disk(const Disk&) = delete;
    Disk& operator=(const Disk&) = delete;
    /// As end(), for a few seconds.
    ~Disk();

    /// Runs `function` on one of the threads; its result, or what it throws. Io thread. When it is
    /// called off, the wait ends at once and `function` goes on: it must own what it touches, and
    /// what it held and returned goes on its own thread. Throws io::Interrupted after end().
    template <class Function>
    asio::awaitable<std::invoke_result_t<Function>> run(Function function);

    /// When the last reference is dropped, on any thread, the object is destroyed on one of these
    /// threads.
    template <class Object>
    std::shared_ptr<Object> own(std::unique_ptr<Object> object);

    /// Takes nothing more, for good, and returns when nothing is done any more, or after
    /// `patience`: false. The result of a function that ends later is dropped, and its waiter is
    /// leaked. To be called before the io thread ends, by any thread but that one.
    bool end(io::Duration patience) noexcept;

private:
    class Workers;
    /// Of the io thread.
    struct Waiter {
        explicit Waiter(const asio::any_io_executor& executor) : changed(executor) {}
        io::Condition changed;
        bool done = false;
    };
    template <class Result>
    class Outcome;

    void start(std::function<void()> work, std::shared_ptr<Waiter> waiter);
    /// Runs `work`, which does not throw, on a thread, or on this one when there are none any more.
    static void dispose(const std::shared_ptr<Workers>& workers, std::function<void()> work);

    asio::any_io_executor executor_;
    std::shared_ptr<Workers> workers_;
};

/// What a function gave. Written by its thread, and read on the io thread once that was posted.
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
