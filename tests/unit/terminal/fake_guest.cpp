#include "fake_guest.hpp"

#include <algorithm>
#include <stdexcept>

#include "io/condition.hpp"

namespace charioteer::terminal {

namespace {

std::size_t number(std::string_view bytes) {
    std::size_t value = 0;
    for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte)
        value = value << 8 | static_cast<unsigned char>(*byte);
    return value;
}

}  // namespace

/// Io thread only.
class FakeGuest::Frames : public channel::FrameSink {
public:
    explicit Frames(const asio::any_io_executor& executor) : changed(executor) {}

    void send(frames::Type type, std::uint32_t stream, std::string_view payload) override {
        sent.push_back({type, stream, std::string(payload)});
        changed.notify_all();
    }
    void give_credit(std::uint32_t stream, std::size_t /*bytes*/) override {
        sent.push_back({frames::Type::credit, stream, ""});
        changed.notify_all();
    }
    void cancel(std::uint32_t stream) override {
        cancelled.push_back(stream);
        changed.notify_all();
    }

    io::Condition changed;
    std::vector<Sent> sent;
    std::vector<std::uint32_t> cancelled;
    std::vector<command::Command> commands;
    std::vector<std::weak_ptr<channel::Call>> shells;
};

FakeGuest::FakeGuest(io::Runtime& runtime)
    : runtime_(runtime), frames_(std::make_shared<Frames>(runtime.executor())) {}

Begin FakeGuest::begin() {
    return [this](command::Command command) -> asio::awaitable<std::shared_ptr<channel::Call>> {
        if (!refusal_.empty()) throw io::Error(refusal_);
        frames_->commands.push_back(std::move(command));
        auto stream = static_cast<std::uint32_t>(frames_->commands.size());
        auto call = std::make_shared<channel::Call>(frames_, stream, channel::Call::Origin{},
                                                    runtime_.executor());
        call->handle_started(1000 + stream);
        frames_->shells.push_back(call);
        frames_->changed.notify_all();
        co_return call;
    };
}

namespace {

template <class Frames>
asio::awaitable<void> until(std::shared_ptr<Frames> line, std::function<bool()> condition) {
    while (!condition()) co_await line->changed.wait();
}

}  // namespace

void FakeGuest::with_shell(std::uint32_t number, std::function<void(channel::Call&)> action) {
    fakes::result_of(runtime_.start(until(frames_, [this, number, action] {
        if (frames_->shells.size() < number) return false;
        if (auto call = frames_->shells[number - 1].lock()) action(*call);
        return true;
    })));
}

void FakeGuest::write_output(std::uint32_t number, std::string bytes) {
    with_shell(number, [bytes](auto& call) { call.handle_piece(channel::Source::output, bytes); });
}

void FakeGuest::end(std::uint32_t number, int status) {
    command::Outcome outcome;
    outcome.status = status;
    with_shell(number, [outcome](channel::Call& call) { call.handle_exit(outcome); });
}

std::string FakeGuest::next(std::uint32_t number, frames::Type type) {
    std::string payload;
    fakes::result_of(runtime_.start(until(frames_, [this, number, type, &payload] {
        for (auto each = frames_->sent.begin(); each != frames_->sent.end(); ++each) {
            if (each->stream != number || each->type != type) continue;
            payload = each->payload;
            frames_->sent.erase(each);
            return true;
        }
        return false;
    })));
    return payload;
}

std::string FakeGuest::so_far(std::uint32_t number, frames::Type type) {
    std::string joined;
    fakes::result_of(runtime_.start(until(frames_, [this, number, type, &joined] {
        for (const auto& each : frames_->sent)
            if (each.stream == number && each.type == type) joined += each.payload;
        return true;
    })));
    return joined;
}

void FakeGuest::until_cancelled(std::uint32_t number) {
    fakes::result_of(runtime_.start(until(frames_, [this, number] {
        const auto& cancelled = frames_->cancelled;
        return std::find(cancelled.begin(), cancelled.end(), number) != cancelled.end();
    })));
}

command::Command FakeGuest::command(std::uint32_t number) {
    command::Command command;
    with_shell(number, [&](auto&) { command = frames_->commands[number - 1]; });
    return command;
}

Message Client::read() {
    auto header = peer_.read(5);
    return {static_cast<MessageType>(header[0]), peer_.read(number(header.substr(1)))};
}

std::pair<int, std::string> Client::read_ending() {
    auto message = read();
    if (message.type != MessageType::ended) throw std::runtime_error("the shell has not ended");
    return {static_cast<int>(number(message.payload.substr(0, 4))), message.payload.substr(4)};
}

}  // namespace charioteer::terminal
