#include "machine/agent_link.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>

#include "io/with_deadline.hpp"
#include "machine/agent_program.hpp"
#include "machine/start_script.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// How long after the agent's end QEMU may take to say that the guest ends or starts anew.
constexpr auto event_patience = 2s;
/// Of a question to QEMU.
constexpr auto query_limit = 10s;
/// An agent that answers within it need not be replaced.
constexpr auto answer_limit = 2s;
/// How long the agent of an earlier line, which has the port, may take to greet.
constexpr auto port_patience = 2s;
/// Questions while somebody waits; nothing is asked of an idle guest.
constexpr auto ping_interval = 5s;

std::uint64_t make_nonce() {
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
}

std::string_view string_in(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                  : std::string_view();
}

/// What an event says of the machine as a whole; empty: nothing.
std::string_view meaning_of(std::string_view event) {
    if (event == "RESET") return "the guest started anew";
    if (event == "SHUTDOWN") return "the guest shut down";
    if (event == "GUEST_PANICKED") return "the guest's kernel panicked";
    return {};
}

/// Whether QEMU holds the guest, in this state of it, as somebody has asked it to.
bool is_stopped(std::string_view state) {
    constexpr std::array states{"paused",      "suspended",  "prelaunch", "debug",
                                "save-vm",     "restore-vm", "inmigrate", "finish-migrate",
                                "postmigrate", "colo"};
    return std::find(states.begin(), states.end(), state) != states.end();
}

}  // namespace

ChannelMode parse_channel_mode(std::string_view word) {
    if (word.empty() || word == "auto") return ChannelMode::automatic;
    if (word == "agent") return ChannelMode::agent;
    if (word == "plain") return ChannelMode::plain;
    throw io::UsageError(
        fmt::format("CHARIOTEER_CHANNEL is \"{}\"; it can be auto, agent or plain", word));
}

AgentLink::AgentLink(Parts parts, const asio::any_io_executor& executor, io::TimeSource& time)
    : parts_(std::move(parts)), executor_(executor), time_(time) {}

std::shared_ptr<AgentLink> AgentLink::make(Parts parts, const asio::any_io_executor& executor,
                                           io::TimeSource& time) {
    std::shared_ptr<AgentLink> self(new AgentLink(std::move(parts), executor, time));
    self->parts_.qmp->on_event([weak = self->weak_from_this()](const json::object& event) {
        auto link = weak.lock();
        return link && link->take_event(event);
    });
    return self;
}

bool AgentLink::take_event(const json::object& event) {
    auto name = string_in(event, "event");
    if (auto meaning = meaning_of(name); !meaning.empty()) {
        last_event_ = meaning;
        guest_restarts_ = name == "RESET";
        if (usable()) parts_.channel->lose(last_event_);
    }
    if (name != "VSERPORT_CHANGE") return false;
    const auto* data = event.if_contains("data");
    if (data == nullptr || !data->is_object()) return false;
    if (string_in(data->get_object(), "id") != agent_port) return false;
    const auto* open = data->get_object().if_contains("open");
    take_port(open != nullptr && open->is_bool() && open->get_bool());
    return true;
}

void AgentLink::take_port(bool is_open) {
    port_open_ = is_open;
    if (is_open && parcel_) {
        parts_.channel->send_raw(*parcel_);
        parcel_.reset();
    }
    if (!is_open && usable())
        asio::co_spawn(executor_, tell_end(shared_from_this()), asio::detached);
}

/// The port is closed: the agent is gone. Whoever waits wants to know why. (Or it was closed by who
/// took the program from it, and the agent, which opened it since, was heard before QEMU's events.)
asio::awaitable<void> AgentLink::tell_end(std::shared_ptr<AgentLink> self) {
    self->last_event_.clear();
    auto end = self->time_.deadline_after(event_patience);
    auto life = self->lives_;
    while (self->last_event_.empty() && !end.passed(self->time_.now()) && self->usable() &&
           !self->port_open_)
        co_await self->time_.sleep_for(50ms);
    if (self->usable() && self->lives_ == life && !self->port_open_)
        self->parts_.channel->lose(
            "the agent in the guest ended: something killed it, or the guest is on its way down");
}

asio::awaitable<std::string> AgentLink::query(std::string command, std::string key) {
    auto reply =
        co_await parts_.qmp->execute(std::move(command), {}, time_.deadline_after(query_limit));
    co_return reply.is_object() ? std::string(string_in(reply.get_object(), key)) : std::string();
}

asio::awaitable<void> AgentLink::start(io::Duration limit) {
    auto self = shared_from_this();
    auto& channel = *parts_.channel;
    if (usable()) {
        bool answers = true;
        try {
            co_await channel.ping(time_.deadline_after(answer_limit));
        } catch (const io::Error&) {
            answers = false;
        }
        if (answers) co_return;
    }
    auto processor = co_await query("query-target", "arch");
    auto program = load_agent_program(processor);
    auto why = co_await try_start(program, limit);
    // What was on its way to an agent before may have damaged the program, and one that was given
    // up may have had the port; both are over now.
    if (why) why = co_await try_start(program, limit);
    if (why) throw io::Error(*why);
}

/// None: it runs. Else why not, when another try may do better.
asio::awaitable<std::optional<std::string>> AgentLink::try_start(std::string program,
                                                                 io::Duration limit) {
    auto& channel = *parts_.channel;
    auto size = program.size();
    auto checksum =
        frames::checksum({reinterpret_cast<const unsigned char*>(program.data()), program.size()});
    // A line whose answer never came may still be carried out, and start an agent: any will do.
    if (!nonce_) nonce_ = make_nonce();
    auto nonce = *nonce_;
    ++lives_;
    channel.expect(nonce);
    parcel_ = agent_parcel(program, nonce);
    auto script = agent_start_script(size, nonce);
    auto word = co_await parts_.shell->execute_bare(std::move(script), limit);
    parcel_.reset();
    // Apart: g++ 12 miscompiles some conditions that await.
    bool runs = word == "started";
    if (!runs) runs = co_await greets_anyway(word == start_is_busy ? port_patience : 0s);
    if (!runs) {
        nonce_.reset();
        channel.lose(explain_start(word));
        if (!may_be_tried_again(word)) throw io::Error(explain_start(word));
        co_return explain_start(word);
    }
    auto peer = co_await channel.greeted(time_.deadline_after(limit));
    nonce_.reset();
    // Zeros: it cannot read its own file, as without /proc.
    if (peer.program_size == 0 ||
        (peer.program_size == size && peer.program_checksum == checksum)) {
        guest_restarts_ = false;
        co_return std::nullopt;
    }
    std::string damaged = "the agent's program arrived damaged in the guest";
    channel.lose(damaged);
    co_return damaged;
}

/// Whether an agent comes that an earlier line started.
asio::awaitable<bool> AgentLink::greets_anyway(io::Duration patience) {
    if (usable()) co_return true;
    try {
        co_await parts_.channel->greeted(time_.deadline_after(patience));
    } catch (const io::Error&) {
        co_return false;
    }
    co_return true;
}

asio::awaitable<void> AgentLink::watch(std::shared_ptr<AgentLink> self, io::Duration silence) {
    while (self->watched_ > 0 && self->usable()) {
        co_await self->time_.sleep_for(ping_interval);
        if (self->watched_ == 0 || !self->usable()) break;
        if (self->time_.now() - self->channel().heard() < ping_interval) continue;
        auto why = co_await self->why_silent(silence);
        if (why) self->channel().lose_calls(*why);
    }
    self->watching_ = false;
}

/// In QEMU's words, or why QEMU does not say.
asio::awaitable<std::string> AgentLink::state_of_guest() {
    std::string status;
    try {
        status = co_await query("query-status", "status");
    } catch (const io::Error& error) {
        status = error.what();
    }
    co_return status;
}

asio::awaitable<bool> AgentLink::is_paused() {
    auto self = shared_from_this();
    auto status = co_await state_of_guest();
    co_return is_stopped(status);
}

/// None: it answers, or need not.
asio::awaitable<std::optional<std::string>> AgentLink::why_silent(io::Duration silence) {
    bool late = false;
    try {
        co_await channel().ping(time_.deadline_after(silence));
    } catch (const io::TimeoutError&) {
        late = true;
    } catch (const io::Error&) {
        // There is no agent any more, which is told by other means.
    }
    // Other frames may have come in between.
    if (!late || time_.now() - channel().heard() < silence) co_return std::nullopt;
    auto status = co_await state_of_guest();
    if (is_stopped(status)) co_return std::nullopt;
    co_return fmt::format(
        "the guest does not answer: its agent said nothing for {:.0f} s (QEMU's state: {})",
        io::seconds(time_.now() - channel().heard()), status);
}

}  // namespace charioteer::machine
