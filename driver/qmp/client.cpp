#include "qmp/client.hpp"

#include <fmt/format.h>

#include <utility>

namespace charioteer::qmp {

namespace {

constexpr std::size_t most_events = 1000;
constexpr std::size_t read_size = 16 * 1024;

}  // namespace

Client::Client(std::shared_ptr<io::Connection> connection)
    : connection_(std::move(connection)), changed_(connection_->executor()) {}

asio::awaitable<std::shared_ptr<Client>> Client::open(io::UnixStream stream,
                                                      io::DisconnectReason reason,
                                                      io::Deadline deadline) {
    auto connection = io::Connection::open(std::move(stream), std::move(reason), read_size);
    std::shared_ptr<Client> self(new Client(connection));
    connection->receive_all([self](std::string_view bytes) { self->receive_bytes(bytes); },
                            [self](const std::string&) { self->changed_.notify_all(); });
    std::exception_ptr failure;
    try {
        co_await deadline.limit(self->receive_greeting(),
                                "QEMU did not send a greeting on its QMP socket");
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

void Client::receive_bytes(std::string_view bytes) {
    reader_.feed(bytes);
    while (auto message = reader_.next())
        std::visit([this](auto&& content) { take(std::forward<decltype(content)>(content)); },
                   std::move(*message));
    changed_.notify_all();
}

void Client::take(Greeting greeting) {
    version_ = std::move(greeting.version);
}

void Client::take(Event event) {
    bool taken = false;
    for (const auto& handler : handlers_) taken = handler(event.content) || taken;
    if (taken) return;
    if (events_.size() == most_events) events_.pop_front();
    events_.push_back(std::move(event.content));
}

void Client::take(Reply reply) {
    if (!reply.id) {
        // Without an id: assigned to the oldest command without a reply.
        for (auto& [number, waiting] : commands_) {
            if (waiting) continue;
            waiting = std::move(reply);
            return;
        }
        return;
    }
    // Missing if the caller was cancelled.
    auto command = commands_.find(*reply.id);
    if (command != commands_.end()) command->second = std::move(reply);
}

asio::awaitable<void> Client::receive_greeting() {
    while (version_.empty()) {
        connection_->expect_open();
        co_await changed_.wait();
    }
}

asio::awaitable<Reply> Client::until_replied(std::int64_t id) {
    for (;;) {
        if (auto& reply = commands_.at(id)) co_return std::move(*reply);
        connection_->expect_open();
        co_await changed_.wait();
    }
}

asio::awaitable<json::object> Client::until_event() {
    while (events_.empty()) {
        connection_->expect_open();
        co_await changed_.wait();
    }
    auto event = std::move(events_.front());
    events_.pop_front();
    co_return event;
}

asio::awaitable<json::value> Client::execute(std::string command, json::object arguments,
                                             io::Deadline deadline) {
    auto self = shared_from_this();
    connection_->expect_open();
    auto id = ++last_id_;
    struct Entry {
        Client& client;
        std::int64_t id;
        ~Entry() { client.commands_.erase(id); }
    } entry{*this, id};
    commands_.emplace(id, std::nullopt);
    connection_->send(encode_command(id, command, std::move(arguments)));
    auto what = fmt::format("QEMU did not answer {}", command);
    auto reply = co_await deadline.limit(until_replied(id), std::move(what));
    co_return result_of(command, reply);
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

}  // namespace charioteer::qmp
