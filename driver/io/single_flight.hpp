#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "io/condition.hpp"

namespace charioteer::io {

/// An operation of which at most one runs at a time: callers during the run wait for it and share
/// its result or error. It is cancelled when its last caller is cancelled. `T` must be copyable. Io
/// thread only.
template <class T = void>
class SingleFlight {
public:
    /// Runs `operation`, or waits for the running one. `operation` is called at most once and kept
    /// until its awaitable has ended. It may outlive this object. Supports cancellation.
    asio::awaitable<T> run(std::function<asio::awaitable<T>()> operation) {
        auto executor = co_await asio::this_coro::executor;
        auto flight = flight_;
        // A run that is being cancelled has no result, and the next run must start after its end.
        while (flight && flight->cancelled && !flight->done) {
            co_await flight->changed.wait();
            flight = flight_;
        }
        if (!flight || flight->done) {
            flight = flight_ = std::make_shared<Flight>(executor);
            asio::co_spawn(executor, fly(flight, std::move(operation)),
                           asio::bind_cancellation_slot(flight->cancel.slot(), asio::detached));
        }
        Caller caller(flight, executor);
        while (!flight->done) co_await flight->changed.wait();
        if (flight->failure) std::rethrow_exception(flight->failure);
        if constexpr (!std::is_void_v<T>) co_return *flight->value;
    }

    bool running() const noexcept { return flight_ && !flight_->done; }

private:
    struct Flight {
        explicit Flight(const asio::any_io_executor& executor) : changed(executor) {}

        Condition changed;
        asio::cancellation_signal cancel;
        std::size_t callers = 0;
        bool cancelled = false;
        bool done = false;
        std::exception_ptr failure;
        std::optional<std::conditional_t<std::is_void_v<T>, std::monostate, T>> value;
    };

    /// A caller that waits for a flight.
    class Caller {
    public:
        Caller(std::shared_ptr<Flight> flight, asio::any_io_executor executor)
            : flight_(std::move(flight)), executor_(std::move(executor)) {
            ++flight_->callers;
        }
        Caller(const Caller&) = delete;
        Caller& operator=(const Caller&) = delete;
        ~Caller() {
            if (--flight_->callers > 0 || flight_->done) return;
            flight_->cancelled = true;
            // Posted: after the end of the io thread this destructor runs while operations are
            // destroyed.
            asio::post(executor_, [flight = flight_] {
                if (!flight->done) flight->cancel.emit(asio::cancellation_type::terminal);
            });
        }

    private:
        std::shared_ptr<Flight> flight_;
        asio::any_io_executor executor_;
    };

    static asio::awaitable<void> fly(std::shared_ptr<Flight> flight,
                                     std::function<asio::awaitable<T>()> operation) {
        try {
            if constexpr (std::is_void_v<T>)
                co_await operation();
            else
                flight->value = co_await operation();
        } catch (...) {
            flight->failure = std::current_exception();
        }
        flight->done = true;
        flight->changed.notify_all();
    }

    std::shared_ptr<Flight> flight_;
};

}  // namespace charioteer::io
