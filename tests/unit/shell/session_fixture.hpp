#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "fakes/manual_time.hpp"
#include "fakes/peer.hpp"
#include "io/runtime.hpp"
#include "shell/base64.hpp"
#include "shell/session.hpp"

namespace charioteer::shell {

/// A session whose guest is the test, with a manual clock.
class SessionTest : public testing::Test {
protected:
    SessionTest()
        : ends_(fakes::connected_pair(runtime_.executor())),
          peer_(ends_.second),
          session_(Session::open(std::move(ends_.first), disconnect_reason, time_)) {}
    ~SessionTest() override { fakes::result_of(runtime_.start(dispose(std::move(session_)))); }

    io::Pending<command::Outcome> start(std::string text,
                                        std::optional<io::Duration> limit = std::nullopt) {
        return start(command::Command{.text = std::move(text)}, limit);
    }
    io::Pending<command::Outcome> start(command::Command command,
                                        std::optional<io::Duration> limit = std::nullopt) {
        auto deadline = limit ? time_.deadline_after(*limit) : io::Deadline::never();
        return runtime_.start(session_->execute(std::move(command), deadline));
    }
    command::Outcome run(std::string text) { return fakes::result_of(start(std::move(text))); }

    io::Pending<void> start_waiting(io::Deadline deadline = io::Deadline::never()) {
        ReadyEvents events;
        events.silent = [this] { ++silences_; };
        events.received = [this](std::string_view chunk) { received_ += chunk; };
        return runtime_.start(session_->wait_ready(std::move(events), deadline));
    }

    /// Advances the clock when `sleepers` coroutines of the code under test sleep.
    void pass(io::Duration step, std::size_t sleepers = 1) {
        while (time_.sleepers() < sleepers) std::this_thread::yield();
        time_.advance(step);
    }

    /// Advances the clock by half a minute without output of the guest.
    void pass_silence() {
        auto before = silences_.load();
        pass(std::chrono::seconds(30));
        while (silences_ == before) std::this_thread::yield();
    }

    /// The line of the next command; skips the preparation of the shell.
    std::string next_command() {
        auto line = peer_.read_line();
        while (!line.starts_with("charioteer ")) line = peer_.read_line();
        return line;
    }

    asio::awaitable<void> take_back() {
        session_->take_back();
        co_return;
    }

    void answer(int number, std::string_view output, int status = 0) {
        auto tag = "#" + std::to_string(number);
        peer_.send(tag + "~''\n" + tag + "=" + encode_base64(output) + "\n" + tag + ":" +
                   std::to_string(status) + " 1\n");
    }

    io::Runtime runtime_;
    fakes::ManualTime time_;
    std::pair<io::UnixStream, fakes::Peer> ends_;
    fakes::Peer& peer_;
    std::shared_ptr<Session> session_;
    std::string received_;
    std::atomic<int> silences_ = 0;
    int number_ = 0;

private:
    static asio::awaitable<std::string> disconnect_reason() {
        co_return "QEMU was killed by signal 9";
    }
    static asio::awaitable<void> dispose(std::shared_ptr<Session> session) {
        session->close();
        co_return;
    }
};

}  // namespace charioteer::shell
