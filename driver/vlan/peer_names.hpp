#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "io/deadline.hpp"
#include "vlan/peer.hpp"

namespace charioteer::vlan {

/// Finds the machines of processes by a thread of its own, since the kernel may block a reader of
/// /proc for as long as the process that it reads about is blocked. Questions are answered in the
/// order in which they were asked. Segment's thread only.
class PeerNames {
public:
    struct Settings {
        /// How long a process may keep its question, and those after it, waiting. Then it counts as
        /// one of no machine. Below the limits of those who ask a VLAN for its plugs.
        io::Duration limit = std::chrono::seconds(10);
        std::function<std::string(pid_t)> find = machine_of;
    };
    struct Answer {
        std::uint64_t ticket = 0;  ///< of ask()
        std::string machine;       ///< as that of machine_of()
        bool is_late = false;      ///< the limit has passed
    };

    /// Starts the thread, or take() does if the system gives none now. `wake` is called when take()
    /// has something new; not after destruction.
    PeerNames(Settings settings, std::function<void()> wake);
    PeerNames(const PeerNames&) = delete;
    PeerNames& operator=(const PeerNames&) = delete;
    /// Does not wait for the kernel: a thread that is blocked is left to itself.
    ~PeerNames();

    /// `ticket` names the question in its answer.
    void ask(std::uint64_t ticket, pid_t process, io::TimePoint now);
    /// The answers that have come, and those that are late. All are late while the system gives no
    /// thread.
    std::vector<Answer> take(io::TimePoint now);
    bool is_waiting() const noexcept { return !asked_.empty(); }
    /// When take() has an answer at the latest; nullopt: nothing is asked.
    std::optional<io::TimePoint> next_due() const;

private:
    struct Question {
        std::uint64_t ticket = 0;
        pid_t process = 0;
    };
    struct Work;

    bool start();
    void leave() noexcept;

    Settings settings_;
    std::function<void()> wake_;
    std::deque<Question> asked_;  ///< without an answer
    io::TimePoint first_since_;   ///< when the first of `asked_` became the first
    std::shared_ptr<Work> work_;  ///< of the thread, too
    std::thread thread_;          ///< not joinable: there is none
};

}  // namespace charioteer::vlan
