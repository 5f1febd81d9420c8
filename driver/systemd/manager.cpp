#include "systemd/manager.hpp"

#include <fmt/format.h>

namespace charioteer::systemd {

namespace {

constexpr auto manager_path = "/org/freedesktop/systemd1";
constexpr auto manager_interface = "org.freedesktop.systemd1.Manager";
constexpr auto unit_interface = "org.freedesktop.systemd1.Unit";
constexpr auto properties_interface = "org.freedesktop.DBus.Properties";
constexpr auto not_loaded = "org.freedesktop.systemd1.NoSuchUnit";

constexpr Method of_manager(const char* member) {
    return {manager_path, manager_interface, member};
}

}  // namespace

asio::awaitable<std::shared_ptr<Manager>> Manager::open(io::UnixStream stream, ChangeSink sink,
                                                        io::Deadline deadline) {
    std::shared_ptr<Manager> self(new Manager(std::move(sink)));
    // The destructor of the manager ends the bus.
    self->bus_ = Bus::start(std::move(stream),
                            [manager = self.get()](Message& message) { manager->take(message); });
    auto request = self->bus_->request(of_manager("Subscribe"));
    co_await deadline.limit(self->bus_->call(std::move(request)),
                            "systemd did not let the driver subscribe to its signals");
    co_return self;
}

Manager::~Manager() {
    close();
}

void Manager::close() {
    if (bus_) bus_->end("the driver closed the connection to systemd");
}

void Manager::take(Message& message) {
    if (message.is_signal(properties_interface, "PropertiesChanged")) {
        auto path = message.path();
        // Properties of the interface for the unit's type are ignored.
        if (message.read_string() != unit_interface) return;
        ++changes_;
        for (auto& [name, unit] : units_)
            if (unit.path == path) unit.changed = changes_;
        if (auto change = read_unit_change(message)) sink_(*change);
    } else if (message.is_signal(manager_interface, "UnitNew")) {
        // Sent instead of PropertiesChanged if the unit changes while it is loaded. UnitRemoved is
        // ignored: a unit is inactive before it is unloaded, and the signal follows each query of a
        // unit that nothing keeps loaded.
        message.read_string();
        auto path = message.read_object_path();
        ++changes_;
        for (auto& [name, unit] : units_)
            if (unit.path == path) unit.changed = changes_;
    } else if (message.is_signal(manager_interface, "JobRemoved")) {
        ++jobs_removed_;
        // Newer jobs do not matter: they are found by the next query.
        if (jobs_.erase(message.read_number()) != 0 && jobs_.empty())
            everything_changed_ = ++changes_;
    } else if (message.is_signal(manager_interface, "Reloading")) {
        for (auto& [name, unit] : units_) unit.tried = false;
        everything_changed_ = ++changes_;
    }
}

asio::awaitable<UnitState> Manager::unit_state(std::string unit, io::Deadline deadline) {
    auto self = shared_from_this();
    auto what = fmt::format("systemd did not return the state of unit \"{}\"", unit);
    co_return co_await deadline.limit(until_looked_at(std::move(unit)), std::move(what));
}

asio::awaitable<UnitState> Manager::until_looked_at(std::string unit) {
    try {
        co_return co_await look_at(std::move(unit));
    } catch (const MalformedMessage& error) {
        bus_->end(error.what());
        throw io::ConnectionLost(error.what());
    }
}

asio::awaitable<UnitState> Manager::look_at(std::string unit) {
    UnitState state{unit, {}, false, changes_};
    state.active = co_await active_state(unit);
    if (state.active != "inactive") co_return state;
    state.jobs = co_await any_jobs();
    if (state.jobs) co_return state;
    // The last job may have ended between the two calls.
    state.active = co_await active_state(unit);
    co_return state;
}

asio::awaitable<std::string> Manager::active_state(std::string unit) {
    bool known = co_await locate(unit);
    if (!known) co_return "inactive";
    // The entry's path may change during the call, but the entry is not removed.
    auto& entry = units_.at(unit);
    auto request = bus_->request({entry.path.c_str(), properties_interface, "Get"});
    request.append(unit_interface);
    request.append("ActiveState");
    auto reply = co_await bus_->call(std::move(request));
    co_return reply.read_string_in_variant();
}

asio::awaitable<bool> Manager::locate(std::string unit) {
    auto& entry = units_[unit];
    // LoadUnit also loads a unit that nothing needs and that systemd then unloads: two signals for
    // each query. But only LoadUnit finds the file of a unit that has this name as an alias.
    bool load = false;
    try {
        auto request = bus_->request(of_manager("GetUnit"));
        request.append(unit);
        auto reply = co_await bus_->call(std::move(request));
        entry.path = reply.read_object_path();
        co_return true;
    } catch (const CallError& error) {
        if (error.kind() != not_loaded) throw;
        load = !entry.tried;
    }
    if (!load) co_return false;
    auto request = bus_->request(of_manager("LoadUnit"));
    request.append(unit);
    auto reply = co_await bus_->call(std::move(request));
    entry.path = reply.read_object_path();
    entry.tried = true;
    co_return true;
}

asio::awaitable<bool> Manager::any_jobs() {
    auto removed = jobs_removed_;
    auto request = bus_->request(of_manager("ListJobs"));
    auto reply = co_await bus_->call(std::move(request));
    std::set<std::uint32_t> jobs;
    reply.enter_array("(usssoo)");
    while (!reply.at_end()) {
        reply.enter_struct("usssoo");
        jobs.insert(reply.read_number());
        reply.skip("sssoo");
        reply.leave();
    }
    jobs_ = std::move(jobs);
    // Signals that arrived with the reply were handled before the reply was read.
    if (jobs_removed_ != removed) everything_changed_ = ++changes_;
    co_return !jobs_.empty();
}

asio::awaitable<void> Manager::changed(UnitState state, io::Deadline deadline) {
    auto self = shared_from_this();
    auto what = fmt::format("unit \"{}\" did not change", state.unit);
    co_await deadline.limit(until_changed(std::move(state)), std::move(what));
}

asio::awaitable<void> Manager::until_changed(UnitState state) {
    while (!has_changed(state)) co_await bus_->received();
}

bool Manager::has_changed(const UnitState& state) const {
    auto unit = units_.find(state.unit);
    return everything_changed_ > state.seen ||
           (unit != units_.end() && unit->second.changed > state.seen);
}

}  // namespace charioteer::systemd
