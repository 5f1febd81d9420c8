#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "io/deadline.hpp"
#include "systemd/bus.hpp"

namespace charioteer::systemd {

/// How a unit was when it was looked at.
struct UnitState {
    std::string unit;
    std::string active;  ///< ActiveState: "active", "inactive", "failed", ...
    /// The manager had jobs pending, of whatever unit. Looked at only for an inactive unit.
    bool jobs = false;
    std::uint64_t seen = 0;  ///< the manager's count of changes before the unit was looked at
};

/// One connection to a service manager, on its private socket. Asking for a unit does not make the
/// manager load it again and again, so that its state can be queried after each change. Io thread
/// only; several coroutines may ask and wait at once. `systemctl daemon-reexec` ends the
/// connection.
class Manager : public std::enable_shared_from_this<Manager> {
public:
    /// Authenticates and subscribes. `stream` leads to the manager's socket, through whatever
    /// tunnel. Throws io::ConnectionLost, io::TimeoutError, CallError.
    static asio::awaitable<std::shared_ptr<Manager>> open(io::UnixStream stream,
                                                          io::Deadline deadline);
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;
    ~Manager();

    /// The state of `unit`, a full name ("web.service", unit_name()). A unit that the manager does
    /// not know is inactive. "inactive" without jobs was so before and after there were no jobs.
    /// Throws CallError for a bad name, io::ConnectionLost, io::TimeoutError.
    asio::awaitable<UnitState> unit_state(std::string unit, io::Deadline deadline);
    /// Returns when the unit may be in another state than `state`, what unit_state() returned, or
    /// the jobs that were pending are done; at once when that has happened meanwhile. May return
    /// without either. Throws io::ConnectionLost, io::TimeoutError.
    asio::awaitable<void> changed(UnitState state, io::Deadline deadline);

    /// Waits end with io::ConnectionLost. Idempotent.
    void close();

private:
    /// What is known of a unit. Only units that were queried have an entry, so that the guest does
    /// not determine their number.
    struct Unit {
        std::string path;    ///< of the D-Bus object; empty before the first query
        bool tried = false;  ///< the manager was made to look for its file
        std::uint64_t changed = 0;
    };

    Manager() = default;
    void take(Message& message);
    asio::awaitable<UnitState> look_at(std::string unit);
    asio::awaitable<UnitState> until_looked_at(std::string unit);
    asio::awaitable<void> until_changed(UnitState state);
    asio::awaitable<std::string> active_state(std::string unit);
    asio::awaitable<bool> locate(std::string unit);
    asio::awaitable<bool> any_jobs();
    bool has_changed(const UnitState& state) const;

    std::shared_ptr<Bus> bus_;
    std::map<std::string, Unit> units_;
    /// Those of the jobs that any_jobs() last found which are not done.
    std::set<std::uint32_t> jobs_;
    std::uint64_t jobs_removed_ = 0;
    std::uint64_t changes_ = 0;
    std::uint64_t everything_changed_ = 0;
};

}  // namespace charioteer::systemd
