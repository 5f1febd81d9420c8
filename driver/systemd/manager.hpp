#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "io/deadline.hpp"
#include "systemd/bus.hpp"
#include "systemd/unit_change.hpp"

namespace charioteer::systemd {

/// The state of a unit at the time of a query.
struct UnitState {
    std::string unit;
    std::string active;  ///< ActiveState: "active", "inactive", "failed", ...
    /// The manager had pending jobs, of any unit. Queried only for an inactive unit.
    bool jobs = false;
    std::uint64_t seen = 0;  ///< the manager's count of changes before the query
};

/// One connection to a service manager, on its private socket. Queries do not make the manager load
/// a unit repeatedly, so that its state can be queried after each change. Io thread only; several
/// coroutines may query and wait concurrently. `systemctl daemon-reexec` ends the connection.
class Manager : public std::enable_shared_from_this<Manager> {
public:
    /// Receives each change of any unit. Must not throw.
    using ChangeSink = std::function<void(const UnitChange&)>;

    /// Authenticates and subscribes to signals. `stream` is a connection to the manager's socket,
    /// for example through a tunnel. `sink` is called until close(). Throws io::ConnectionLost,
    /// io::TimeoutError, CallError.
    static asio::awaitable<std::shared_ptr<Manager>> open(io::UnixStream stream, ChangeSink sink,
                                                          io::Deadline deadline);
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;
    ~Manager();

    /// The state of `unit`, a full name ("web.service", see unit_name()). An unknown unit is
    /// inactive. For "inactive" without jobs, the unit was inactive both before and after the query
    /// of the jobs. Throws CallError for an invalid name, io::ConnectionLost, io::TimeoutError.
    asio::awaitable<UnitState> unit_state(std::string unit, io::Deadline deadline);
    /// Returns when the unit's state may differ from `state`, a result of unit_state(), or when the
    /// jobs that were pending have ended; immediately if that has already happened. May return
    /// spuriously. Throws io::ConnectionLost, io::TimeoutError.
    asio::awaitable<void> changed(UnitState state, io::Deadline deadline);

    /// Waits end with io::ConnectionLost. Idempotent.
    void close();

private:
    /// The known properties of a unit. Only queried units have an entry, so that the guest does not
    /// determine their number.
    struct Unit {
        std::string path;    ///< of the D-Bus object; empty before the first query
        bool tried = false;  ///< LoadUnit was called for it
        std::uint64_t changed = 0;
    };

    explicit Manager(ChangeSink sink) : sink_(std::move(sink)) {}
    void take(Message& message);
    asio::awaitable<UnitState> look_at(std::string unit);
    asio::awaitable<UnitState> until_looked_at(std::string unit);
    asio::awaitable<void> until_changed(UnitState state);
    asio::awaitable<std::string> active_state(std::string unit);
    asio::awaitable<bool> locate(std::string unit);
    asio::awaitable<bool> any_jobs();
    bool has_changed(const UnitState& state) const;

    ChangeSink sink_;
    std::shared_ptr<Bus> bus_;
    std::map<std::string, Unit> units_;
    /// The jobs found by the last any_jobs() that have not ended.
    std::set<std::uint32_t> jobs_;
    std::uint64_t jobs_removed_ = 0;
    std::uint64_t changes_ = 0;
    std::uint64_t everything_changed_ = 0;
};

}  // namespace charioteer::systemd
