#include "machine/port_link.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "command/limit.hpp"
#include "machine/agent_program.hpp"
#include "machine/start_script.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// How long after the agent's end QEMU may take to report that the guest shuts down or reboots.
constexpr auto event_limit = 2s;
/// For a query to QEMU.
constexpr auto query_limit = 10s;
/// For the answer of an agent that may run in a restored guest.
constexpr auto adopt_limit = 30s;
/// For the hello of an agent that an earlier command line has started, when the port is busy.
constexpr auto port_limit = 2s;

std::string_view string_in(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                  : std::string_view();
}

/// The reason for which an event ends the agent; empty for other events.
std::string_view meaning_of(std::string_view event) {
    if (event == "RESET") return "the guest rebooted";
    if (event == "SHUTDOWN") return "the guest shut down";
    if (event == "GUEST_PANICKED") return "the guest's kernel panicked";
    return {};
}

/// Whether the guest has a port open, from QEMU's tree of devices: the port whose entry contains
/// `mark`. None if there is no such port.
std::optional<bool> is_open(std::string_view tree, std::string_view mark) {
    constexpr std::string_view entry = "dev: ";
    for (auto at = tree.find(entry); at != tree.npos;) {
        auto next = tree.find(entry, at + entry.size());
        auto device = tree.substr(at, next == tree.npos ? next : next - at);
        if (device.find(mark) != device.npos) return device.find("guest off") == device.npos;
        at = next;
    }
    return std::nullopt;
}

/// Whether this state of QEMU means that the guest was stopped on request.
bool is_stopped(std::string_view state) {
    constexpr std::array states{"paused",      "suspended",  "prelaunch", "debug",
                                "save-vm",     "restore-vm", "inmigrate", "finish-migrate",
                                "postmigrate", "colo"};
    return std::find(states.begin(), states.end(), state) != states.end();
}

/// Whether the agent runs `program`. True if it cannot read its own file, as without /proc.
bool is_program(const channel::Peer& peer, std::string_view program) {
    frames::Bytes bytes(reinterpret_cast<const unsigned char*>(program.data()), program.size());
    return peer.program_size == 0 || (peer.program_size == program.size() &&
                                      peer.program_checksum == frames::checksum(bytes));
}

}  // namespace

ChannelMode parse_channel_mode(std::string_view word) {
    if (word.empty() || word == "auto") return ChannelMode::automatic;
    if (word == "agent") return ChannelMode::agent;
    if (word == "plain") return ChannelMode::plain;
    throw io::UsageError(
        fmt::format("CHARIOTEER_CHANNEL is \"{}\"; it can be auto, agent or plain", word));
}

PortLink::PortLink(Parts parts, const asio::any_io_executor& executor, io::TimeSource& time)
    : AgentLink(parts.channel, parts.warn, executor, time),
      parts_(std::move(parts)),
      changed_(executor) {}

std::shared_ptr<PortLink> PortLink::make(Parts parts, const asio::any_io_executor& executor,
                                         io::TimeSource& time) {
    std::shared_ptr<PortLink> self(new PortLink(std::move(parts), executor, time));
    std::weak_ptr<PortLink> weak = self;
    self->parts_.qmp->on_event([weak](const json::object& event) {
        auto link = weak.lock();
        return link && link->handle_event(event);
    });
    return self;
}

std::shared_ptr<PortLink> PortLink::share_this() {
    return std::static_pointer_cast<PortLink>(shared_from_this());
}

bool PortLink::handle_event(const json::object& event) {
    auto name = event_name(event);
    auto meaning = meaning_of(name);
    // QEMU resets the devices itself before it loads the state of a snapshot.
    if (event_text(event, "reason") == "snapshot-load") meaning = {};
    if (!meaning.empty()) {
        last_event_ = meaning;
        if (!parts_.guest->why_ended().empty()) last_event_ = parts_.guest->why_ended();
        guest_restarts_ = name == "RESET";
        adopted_ = false;
        decide();
        if (usable()) parts_.channel->fail(last_event_);
    }
    // The guest may have been restored to an earlier state, and a guest that was suspended may have
    // lost frames.
    if (name == "RESUME" || name == "WAKEUP") parts_.channel->resynchronise();
    if (name == "RESUME" && awaits_saved_agent_)
        asio::co_spawn(executor(), give_up_saved_agent(share_this()), asio::detached);
    if (name != "VSERPORT_CHANGE" || event_text(event, "id") != agent_port) return false;
    const auto* open = event.at("data").get_object().if_contains("open");
    handle_port(open != nullptr && open->is_bool() && open->get_bool());
    return true;
}

void PortLink::handle_port(bool is_open) {
    bool was_open = std::exchange(port_open_, is_open);
    if (!is_open) {
        decide();
        if (was_open && usable())
            asio::co_spawn(executor(), watch_closed_port(share_this()), asio::detached);
        return;
    }
    parts_.guest->set_devices_shut(false);
    if (upload_) {
        parts_.channel->send_raw(*upload_);
        upload_.reset();
    } else if (usable()) {
        if (!was_open) channel().resynchronise();
    } else if (!starting_) {
        asio::co_spawn(executor(), adopt(share_this()), asio::detached);
    }
}

/// The port was closed: the agent has ended, unless the guest sleeps. Calls get a more specific
/// reason if QEMU reports one in time. (The port is also closed by the script that reads the
/// program from it; the hello of the agent, which has opened it again, may precede QEMU's events.)
asio::awaitable<void> PortLink::watch_closed_port(std::shared_ptr<PortLink> self) {
    self->last_event_.clear();
    auto number = self->starts_;
    auto is_there = [&] { return self->port_open_ || self->starts_ != number; };
    for (bool asleep = true; asleep;) {
        auto end = self->time().deadline_after(event_limit);
        while (self->usable() && !is_there() && !end.passed(self->time().now()))
            co_await self->time().sleep_for(50ms);
        if (!self->usable() || is_there()) co_return;
        asleep = co_await self->is_asleep();
    }
    // QEMU reports the state of a port once a second at most, so that it may not report that the
    // port was closed and opened again.
    if (self->port_open_) self->channel().resynchronise();
    if (!self->usable() || is_there()) co_return;
    // If a resynchronisation is under way, the restored guest may not have had an agent.
    bool restored = !self->channel().synchronised();
    self->guest_restarts_ = restored;
    self->parts_.channel->fail(
        restored ? "the guest was restored to an earlier state, in which it had no agent"
                 : "the agent in the guest ended: it was killed, or the guest is shutting down");
}

/// Whether the guest has closed all its ports, or QEMU reports that it sleeps or is stopped.
/// Updates port_open_.
asio::awaitable<bool> PortLink::is_asleep() {
    auto self = shared_from_this();
    // Queried again, since the devices may have been opened since: the guest may boot.
    if (parts_.guest->stopped() || parts_.guest->suspended()) co_return true;
    std::string tree;
    try {
        auto deadline = time().deadline_after(query_limit);
        tree = co_await parts_.qmp->human("info qtree", deadline);
    } catch (const io::Error&) {
        // Without an answer the agent's port counts as closed.
    }
    // The guest's driver closes all ports of the bus before it sleeps, an agent that ends only one.
    parts_.guest->set_devices_shut(!is_open(tree, "chardev = \"shell\"").value_or(true));
    port_open_ = is_open(tree, agent_port).value_or(false);
    co_return parts_.guest->asleep();
}

/// The port was opened though no agent was started: by one that ran when the guest was saved.
asio::awaitable<void> PortLink::adopt(std::shared_ptr<PortLink> self) {
    try {
        co_await self->adopt_agent();
    } catch (const io::Error&) {
        // The next call that needs an agent starts another one.
    }
    self->decide();
}

asio::awaitable<void> PortLink::adopt_agent() {
    auto number = ++starts_;
    channel().adopt();
    auto peer = co_await channel().greeted(time().deadline_after(adopt_limit));
    auto processor = co_await query("query-target", "arch", io::Deadline::never());
    auto program = co_await load_program(processor, time().deadline_after(adopt_limit));
    if (starts_ != number) co_return;
    if (!is_program(peer, program)) {
        channel().fail("the agent in the guest is of another version of the driver");
        co_return;
    }
    guest_restarts_ = false;
    adopted_ = true;
    changed_.notify_all();
}

/// QEMU reports the guest's ports when the guest is continued: here it has not, or the agent has
/// not answered.
asio::awaitable<void> PortLink::give_up_saved_agent(std::shared_ptr<PortLink> self) {
    co_await self->time().sleep_for(adopt_limit);
    self->decide();
}

void PortLink::decide() {
    awaits_saved_agent_ = false;
    changed_.notify_all();
}

asio::awaitable<void> PortLink::until_decided() {
    auto self = shared_from_this();
    while (awaits_saved_agent_) co_await changed_.wait();
}

asio::awaitable<void> PortLink::until_adopted() {
    auto self = shared_from_this();
    while (!adopted_ || !usable()) co_await changed_.wait();
}

void PortLink::handle_greeting() {
    if (usable() && !port_open_) channel().fail("the guest rebooted");
}

asio::awaitable<std::string> PortLink::query(std::string command, std::string key,
                                             io::Deadline deadline) {
    auto step = command::at_most(query_limit, deadline, time());
    auto reply = co_await parts_.qmp->execute(std::move(command), {}, step);
    co_return reply.is_object() ? std::string(string_in(reply.get_object(), key)) : std::string();
}

asio::awaitable<std::string> PortLink::load_program(std::string processor, io::Deadline deadline) {
    auto loaded = parts_.load_program(std::move(processor));
    co_return co_await deadline.limit(std::move(loaded), "the agent's program was not read");
}

asio::awaitable<void> PortLink::start(io::Deadline deadline) {
    auto self = shared_from_this();
    if (usable()) co_return;
    struct Flag {
        explicit Flag(bool& flag) : flag_(flag) { flag_ = true; }
        Flag(const Flag&) = delete;
        Flag& operator=(const Flag&) = delete;
        ~Flag() { flag_ = false; }
        bool& flag_;
    } starting(starting_);
    auto processor = co_await query("query-target", "arch", deadline);
    auto program = co_await load_program(processor, deadline);
    auto why = co_await try_start(program, deadline);
    // The first try may have failed because data for an earlier agent damaged the program, or
    // because an earlier agent had the port open; neither happens again.
    if (why) why = co_await try_start(program, deadline);
    if (why) throw io::Error(*why);
}

/// None if the agent runs; else the reason, if another try may succeed.
asio::awaitable<std::optional<std::string>> PortLink::try_start(std::string program,
                                                                io::Deadline deadline) {
    auto& channel = *parts_.channel;
    auto size = program.size();
    // A command line without an answer may still be executed and start an agent, which is then
    // used: so its nonce is kept.
    if (!nonce_) nonce_ = channel::random_nonce();
    auto nonce = *nonce_;
    ++starts_;
    channel.expect(nonce, port_open_ ? channel::Port::open : channel::Port::closed);
    upload_ = agent_upload(program, nonce);
    auto script = agent_start_script(size, nonce);
    auto word = co_await parts_.shell->execute_bare(std::move(script), deadline);
    upload_.reset();
    // Separate statements: g++ 12 miscompiles some conditions that await.
    bool runs = word == "started";
    auto limit = word == start_is_busy ? port_limit : 0s;
    if (!runs) runs = co_await receives_hello(command::at_most(limit, deadline, time()));
    if (!runs) {
        nonce_.reset();
        channel.fail(explain_start(word));
        if (!may_be_tried_again(word)) throw io::Error(explain_start(word));
        co_return explain_start(word);
    }
    auto peer = co_await channel.greeted(deadline);
    nonce_.reset();
    if (is_program(peer, program)) {
        guest_restarts_ = false;
        co_return std::nullopt;
    }
    std::string damaged = "the agent's program arrived damaged in the guest";
    channel.fail(damaged);
    co_return damaged;
}

/// Whether an agent that an earlier command line has started sends its hello.
asio::awaitable<bool> PortLink::receives_hello(io::Deadline deadline) {
    if (usable()) co_return true;
    try {
        co_await parts_.channel->greeted(deadline);
    } catch (const io::Error&) {
        co_return false;
    }
    co_return true;
}

bool PortLink::holds_pings() const {
    return parts_.guest->stopped() || parts_.guest->asleep();
}

asio::awaitable<std::string> PortLink::describe_guest() {
    auto run_state = co_await query_run_state(*parts_.qmp, time().deadline_after(query_limit));
    auto state = parts_.guest->describe();
    co_return fmt::format("{} (QEMU's state: {})", state.empty() ? "it may be busy" : state,
                          run_state);
}

asio::awaitable<bool> PortLink::is_paused() {
    auto self = shared_from_this();
    auto run_state = co_await query_run_state(*parts_.qmp, time().deadline_after(query_limit));
    co_return is_stopped(run_state) || parts_.guest->asleep();
}

}  // namespace charioteer::machine
