#pragma once

#include <fmt/format.h>
#include <pybind11/pybind11.h>

#include <chrono>

#include "core.hpp"
#include "io/error.hpp"

namespace charioteer::python {

namespace py = pybind11;

/// Called on the waiting thread about every 50 ms; an exception that it raises ends the wait.
struct Idle {
    py::object hook = py::none();
    bool polling = false;
};

/// Throws io::Error in a forked child, which has none of the driver's threads. Once the interpreter
/// is ending, throws io::Interrupted in the thread that ends it, and blocks for ever in all others.
/// Needs the interpreter lock.
inline void expect_core() {
    if (Core::instance().is_foreign())
        throw io::Error(fmt::format(
            "a forked child process cannot use machines and networks: their connections belong to "
            "process {}, which made them. Use threads, such as "
            "concurrent.futures.ThreadPoolExecutor, to do several things at once",
            Core::instance().owner()));
    if (!interpreter_ends()) return;
    { Unlocked blocks_other_threads; }
    throw io::Interrupted("the driver stopped");
}

/// Runs `operation` on the io thread and waits for its result without the interpreter lock, which
/// the caller holds. Signal handlers run meanwhile, on the main thread; an exception of a handler
/// (Ctrl-C) or of the idle hook cancels the operation. Throws as expect_core() does.
template <class T>
T block_on(asio::awaitable<T> operation, const Idle& idle = {}) {
    using namespace std::chrono_literals;
    constexpr auto slice = 50ms;
    constexpr auto end_limit = 2s;  // for the operation to end after its cancellation

    expect_core();
    auto pending = Core::instance().runtime().start(std::move(operation));
    try {
        for (;;) {
            bool done = false;
            {
                Unlocked unlocked;
                done = pending.wait_for(slice);
            }
            if (done) break;
            if (PyErr_CheckSignals() != 0) throw py::error_already_set();
            if (!idle.hook.is_none()) {
                InPython in_python;
                idle.hook(idle.polling);
            }
        }
    } catch (...) {
        pending.cancel();
        Unlocked unlocked;
        pending.wait_for(end_limit);
        throw;
    }
    return pending.get();
}

/// Runs a plain function on the io thread and waits for its result.
template <class Function>
auto on_io_thread(Function function) {
    using Result = std::invoke_result_t<Function>;
    auto run = [](Function body) -> asio::awaitable<Result> { co_return body(); };
    return block_on(run(std::move(function)));
}

}  // namespace charioteer::python
