#include "qmp/client.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "io/line_splitter.hpp"

namespace charioteer::qmp {

namespace {

constexpr std::size_t most_events = 1000;
/// The longest line that is quoted in an error.
constexpr std::size_t longest_quote = 200;

std::string text_of(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    if (value == nullptr || !value->is_string()) return {};
    return std::string(value->get_string());
}

/// {"QMP": {"version": {"qemu": {"major": 10, "minor": 0, "micro": 2}}}} -> "10.0.2"
std::string version_of(const json::value& greeting) {
    boost::system::error_code failure;
    auto part = [&](std::string_view name) {
        const auto* number =
            greeting.find_pointer(fmt::format("/QMP/version/qemu/{}", name), failure);
        return number == nullptr || !number->is_number() ? 0 : number->to_number<int>();
    };
    return fmt::format("{}.{}.{}", part("major"), part("minor"), part("micro"));
}

}  // namespace

CommandError::CommandError(std::string_view command, std::string kind, std::string description)
    : io::Error(fmt::format("QEMU refused {}: {} ({})", command, description, kind)),
      kind_(std::move(kind)),
      description_(std::move(description)) {}

Client::Client(io::UnixStream stream, io::Obituary obituary, io::TimeSource& time)
    : stream_(std::move(stream)),
      outbox_(stream_),
      obituary_(std::move(obituary)),
      time_(time),
      changed_(stream_.get_executor()) {}

asio::awaitable<std::shared_ptr<Client>> Client::open(io::UnixStream stream, io::Obituary obituary,
                                                      io::Deadline deadline, io::TimeSource& time) {
    std::shared_ptr<Client> self(new Client(std::move(stream), std::move(obituary), time));
    auto executor = self->stream_.get_executor();
    asio::co_spawn(executor, read(self), asio::detached);
    asio::co_spawn(executor, write(self), asio::detached);
    std::exception_ptr failure;
    try {
        co_await deadline.limit(self->until_greeted(), "QEMU did not greet on its QMP socket");
        co_await self->execute("qmp_capabilities", {}, deadline);
    } catch (...) {
        failure = std::current_exception();
    }
    if (failure) {
        self->close();
        std::rethrow_exception(failure);
    }
    co_return self;
}

asio::awaitable<void> Client::write(std::shared_ptr<Client> self) {
    co_await self->outbox_.run();
}

asio::awaitable<void> Client::read(std::shared_ptr<Client> self) {
    std::string why;
    try {
        why = co_await self->read_messages();
    } catch (const std::exception& error) {
        why = error.what();
    }
    self->lost_ = std::move(why);
    // A peer that speaks something else is not to be kept waiting for a reader.
    self->disconnect();
    self->changed_.notify_all();
}

asio::awaitable<std::string> Client::read_messages() {
    io::LineSplitter splitter;
    std::array<char, 16384> buffer;
    boost::system::error_code failure;
    while (!failure) {
        auto got = co_await stream_.async_read_some(
            asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, failure));
        splitter.feed({buffer.data(), got});
        while (auto line = splitter.next()) take(*line);
    }
    ended_ = true;
    changed_.notify_all();
    if (closed_) co_return "the driver closed the connection";
    co_return co_await obituary_();
}

void Client::take(std::string_view line) {
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
    boost::system::error_code failure;
    auto message = json::parse(line, failure);
    if (failure || !message.is_object())
        throw io::Error(
            fmt::format("QEMU sent what is not QMP: {}", line.substr(0, longest_quote)));
    auto& object = message.get_object();
    if (object.contains("event")) {
        if (is_taken(object)) return;
        if (events_.size() == most_events) events_.pop_front();
        events_.push_back(std::move(object));
    } else if (object.contains("QMP")) {
        version_ = version_of(message);
    } else {
        take_reply(std::move(object));
    }
    changed_.notify_all();
}

bool Client::is_taken(const json::object& event) const {
    bool taken = false;
    for (const auto& handler : handlers_) taken = handler(event) || taken;
    return taken;
}

void Client::take_reply(json::object message) {
    const auto* id = message.if_contains("id");
    if (id == nullptr || !id->is_int64()) {
        // QEMU could not read the command, or not tell its id: then it is the oldest unanswered
        // one.
        for (auto& [number, reply] : commands_) {
            if (reply) continue;
            reply = std::move(message);
            return;
        }
        return;
    }
    // Not there any more: nobody waits for this reply.
    auto command = commands_.find(id->get_int64());
    if (command != commands_.end()) command->second = std::move(message);
}

void Client::expect_connection() const {
    if (lost_) throw io::ConnectionLost(*lost_);
}

asio::awaitable<void> Client::until_greeted() {
    while (version_.empty()) {
        expect_connection();
        co_await changed_.wait();
    }
}

asio::awaitable<json::object> Client::until_replied(std::int64_t id) {
    for (;;) {
        if (auto& reply = commands_.at(id)) co_return std::move(*reply);
        expect_connection();
        co_await changed_.wait();
    }
}

asio::awaitable<void> Client::until_ended() {
    auto self = shared_from_this();
    while (!ended_ && !lost_) co_await changed_.wait();
}

asio::awaitable<json::object> Client::until_event() {
    while (events_.empty()) {
        expect_connection();
        co_await changed_.wait();
    }
    auto event = std::move(events_.front());
    events_.pop_front();
    co_return event;
}

asio::awaitable<json::value> Client::execute(std::string command, json::object arguments,
                                             io::Deadline deadline) {
    auto self = shared_from_this();
    expect_connection();
    auto id = ++last_id_;
    struct Entry {
        Client& client;
        std::int64_t id;
        ~Entry() { client.commands_.erase(id); }
    } entry{*this, id};
    commands_.emplace(id, std::nullopt);
    json::object request{{"execute", command}, {"id", id}};
    if (!arguments.empty()) request["arguments"] = std::move(arguments);
    outbox_.add(json::serialize(request) + "\n");
    auto what = fmt::format("QEMU did not answer {}", command);
    auto reply = co_await deadline.limit(until_replied(id), std::move(what));
    if (const auto* error = reply.if_contains("error")) {
        const auto details = error->is_object() ? error->get_object() : json::object();
        throw CommandError(command, text_of(details, "class"), text_of(details, "desc"));
    }
    const auto* value = reply.if_contains("return");
    if (value == nullptr)
        throw io::Error(fmt::format("QEMU's answer to {} has no result: {}", command,
                                    json::serialize(reply).substr(0, longest_quote)));
    co_return *value;
}

asio::awaitable<std::string> Client::human(std::string line, io::Deadline deadline) {
    json::object arguments{{"command-line", line}};
    auto output = co_await execute("human-monitor-command", std::move(arguments), deadline);
    if (!output.is_string())
        throw io::Error(fmt::format("QEMU's answer to the command \"{}\" is not text", line));
    co_return std::string(output.get_string());
}

asio::awaitable<json::object> Client::next_event(io::Deadline deadline) {
    auto self = shared_from_this();
    co_return co_await deadline.limit(until_event(), "there was no QMP event");
}

void Client::close() {
    closed_ = true;
    disconnect();
}

void Client::disconnect() {
    outbox_.stop();
    boost::system::error_code ignored;
    stream_.close(ignored);
}

}  // namespace charioteer::qmp
