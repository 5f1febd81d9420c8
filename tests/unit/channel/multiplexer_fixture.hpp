#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>
#include <string>
#include <vector>

#include "channel/multiplexer.hpp"
#include "fakes/manual_time.hpp"

namespace charioteer::channel {

struct Frame {
    frames::Header header;
    std::string payload;
};

/// A multiplexer whose agent is the test, without sockets and threads, and with a manual clock.
class MultiplexerTest : public testing::Test {
protected:
    static constexpr std::uint64_t nonce = 0x123456789abcdef0;

    MultiplexerTest() {
        multiplexer_ = Multiplexer::make(
            context_.get_executor(),
            {.send = [this](std::string_view bytes) { sent_ += bytes; },
             .flushed = [this] { return !guest_reads_nothing_; }},
            {.late_errors = [this](std::string line) { late_.push_back(std::move(line)); },
             .held_output = [this](const HeldOutput& held) { held_.push_back(held); },
             .holder_limit = std::chrono::minutes(5)},
            time_);
    }

    /// A running operation.
    template <class T>
    struct Running {
        bool done = false;
        std::string error;
        std::string kind;
        std::optional<T> value;
    };
    template <class T>
    std::shared_ptr<Running<T>> begin(asio::awaitable<T> operation) {
        auto running = std::make_shared<Running<T>>();
        asio::co_spawn(context_, std::move(operation),
                       [running](std::exception_ptr failure, T value) {
                           running->done = true;
                           if (failure)
                               record(*running, failure);
                           else
                               running->value = std::move(value);
                       });
        turn();
        return running;
    }
    struct Nothing {};
    std::shared_ptr<Running<Nothing>> begin(asio::awaitable<void> operation) {
        auto with_value = [](asio::awaitable<void> inner) -> asio::awaitable<Nothing> {
            co_await std::move(inner);
            co_return Nothing{};
        };
        return begin(with_value(std::move(operation)));
    }
    /// Runs all handlers that are ready.
    void turn() {
        context_.restart();
        context_.poll();
    }

    template <class Message>
    static std::string payload_of(const Message& message) {
        unsigned char buffer[64];
        auto bytes = frames::encode(message, buffer);
        return std::string(bytes.begin(), bytes.end());
    }
    std::string frame(frames::Type type, std::uint32_t stream, std::string_view payload) {
        std::string bytes(frames::header_size, '\0');
        frames::Header header{.type = type, .stream = stream, .sequence = sequence_++};
        frames::write_header(
            header, {reinterpret_cast<const unsigned char*>(payload.data()), payload.size()},
            std::span<unsigned char, frames::header_size>(
                reinterpret_cast<unsigned char*>(bytes.data()), frames::header_size));
        return bytes.append(payload);
    }
    void agent_sends(frames::Type type, std::uint32_t stream, std::string_view payload = {}) {
        multiplexer_->receive_bytes(frame(type, stream, payload));
        turn();
    }
    void agent_sends_exit(std::uint32_t stream, std::uint32_t status = 0) {
        agent_sends(frames::Type::exit, stream, payload_of(frames::Exit{.status = status}));
    }
    void agent_sends_credit(std::uint32_t stream, std::uint32_t bytes) {
        agent_sends(frames::Type::credit, stream, payload_of(frames::Credit{.bytes = bytes}));
    }
    std::string hello(std::uint64_t number = nonce, std::uint32_t version = frames::version) {
        return hello(frames::Hello{.version = version, .nonce = number});
    }
    /// Sends a hello frame, which has no sequence number.
    std::string hello(const frames::Hello& hello) {
        sequence_ = 0;
        auto bytes = frame(frames::Type::hello, 0, payload_of(hello));
        sequence_ = 0;
        return bytes;
    }
    void greet() {
        multiplexer_->expect(nonce);
        multiplexer_->receive_bytes(hello());
        turn();
        sent_frames();
    }

    /// The frames that the driver has sent since the last call.
    std::vector<Frame> sent_frames() {
        std::vector<Frame> found;
        std::string_view rest = sent_;
        while (!rest.empty()) {
            auto scan =
                frames::scan({reinterpret_cast<const unsigned char*>(rest.data()), rest.size()},
                             frames::Expect::any);
            EXPECT_EQ(scan.kind, frames::Scan::Kind::frame);
            if (scan.kind != frames::Scan::Kind::frame) break;
            found.push_back({scan.header, std::string(scan.payload.begin(), scan.payload.end())});
            rest.remove_prefix(scan.size);
        }
        sent_.clear();
        return found;
    }
    static std::vector<Frame> of(frames::Type type, std::vector<Frame> all) {
        std::erase_if(all, [&](const Frame& each) { return each.header.type != type; });
        return all;
    }
    template <class Message>
    static Message decoded(const Frame& frame) {
        Message message;
        frames::Bytes bytes(reinterpret_cast<const unsigned char*>(frame.payload.data()),
                            frame.payload.size());
        EXPECT_TRUE(frames::decode(bytes, message));
        return message;
    }
    /// The sum of the credit that the driver has returned since the last call.
    std::size_t returned_credit() {
        std::size_t sum = 0;
        for (const auto& each : of(frames::Type::credit, sent_frames()))
            sum += decoded<frames::Credit>(each).bytes;
        return sum;
    }
    std::shared_ptr<Call> start(std::string text = "true") {
        return multiplexer_->start({.text = std::move(text)});
    }
    std::string why_lost() {
        try {
            multiplexer_->start({});
        } catch (const io::ConnectionLost& error) {
            return error.what();
        }
        return "it is not";
    }

    asio::io_context context_;
    fakes::ManualTime time_;
    std::string sent_;
    bool guest_reads_nothing_ = false;
    std::vector<std::string> late_;
    std::vector<HeldOutput> held_;
    std::shared_ptr<Multiplexer> multiplexer_;
    std::uint32_t sequence_ = 0;

private:
    template <class T>
    static void record(Running<T>& running, const std::exception_ptr& failure) {
        try {
            std::rethrow_exception(failure);
        } catch (const Refused& error) {
            running.kind = "Refused";
            running.error = error.what();
        } catch (const NotSent& error) {
            running.kind = "NotSent";
            running.error = error.what();
        } catch (const io::ConnectionLost& error) {
            running.kind = "ConnectionLost";
            running.error = error.what();
        } catch (const io::TimeoutError& error) {
            running.kind = "TimeoutError";
            running.error = error.what();
        } catch (const std::exception& error) {
            running.kind = "other";
            running.error = error.what();
        }
    }
};

}  // namespace charioteer::channel
