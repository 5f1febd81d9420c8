#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "io/deadline.hpp"
#include "io/error.hpp"

namespace charioteer::vlan {

/// Functions that other threads want to run on the thread of a segment.
class Mailbox {
public:
    /// `wake` makes the segment's thread call run(). Any thread may call it.
    explicit Mailbox(std::function<void()> wake) : wake_(std::move(wake)) {}

    /// Runs `function` on the segment's thread, between two batches of frames, and returns its
    /// result or rethrows its exception. If it has not begun at the deadline, this throws
    /// io::TimeoutError, with `what` as its begin, and `function` is never run. `function` must
    /// not wait. Throws io::UsageError if the segment has stopped. Any other thread.
    template <class Function>
    auto call(Function function, io::Deadline deadline, std::string_view what) {
        using Result = std::invoke_result_t<Function>;
        auto task = std::make_shared<std::packaged_task<Result()>>(std::move(function));
        auto result = task->get_future();
        // Of the one that is first, the segment's thread or the deadline.
        auto is_taken = std::make_shared<std::atomic<bool>>(false);
        post([task = std::move(task), is_taken] {
            if (!is_taken->exchange(true)) (*task)();
        });
        if (result.wait_until(deadline.when()) != std::future_status::ready &&
            !is_taken->exchange(true))
            throw deadline.exceeded(what);
        try {
            return result.get();
        } catch (const std::future_error&) {
            throw stopped();
        }
    }

    /// Runs the functions that have been posted. Segment's thread.
    void run();
    /// Discards all functions, now and later: their callers get io::UsageError.
    void close() noexcept;

private:
    static io::UsageError stopped() { return io::UsageError("the VLAN has been stopped"); }
    void post(std::function<void()> function);

    std::function<void()> wake_;
    std::mutex mutex_;
    std::vector<std::function<void()>> waiting_;
    bool closed_ = false;
};

}  // namespace charioteer::vlan
