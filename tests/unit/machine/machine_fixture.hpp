#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "fakes/paths.hpp"
#include "fakes/temporary_directory.hpp"
#include "io/runtime.hpp"
#include "machine/machine.hpp"

namespace charioteer::machine {

inline std::string all_notes(const io::Error& error) {
    std::string text;
    for (const auto& note : error.notes()) text += note + "\n";
    return text;
}

/// Machines with a fake QEMU whose guest is bash on this host. They use real time, because
/// processes have no manual clock; no test depends on durations.
class MachineTest : public testing::Test {
protected:
    inline static const std::string plain = fakes::fake_qemu_command;

    void SetUp() override {
        ::setenv("CHARIOTEER_ACCEL", "tcg", 1);
        // The fake guest has no port for an agent.
        ::setenv("CHARIOTEER_CHANNEL", "plain", 1);
        host_ = std::make_shared<Host>(runtime_.executor(), runtime_.time());
    }
    void TearDown() override {
        for (const auto& machine : machines_) run(machine->release());
        auto machines = std::make_shared<decltype(machines_)>(std::exchange(machines_, {}));
        asio::post(runtime_.executor(), [machines]() mutable { machines.reset(); });
    }

    std::shared_ptr<Machine> make(std::string command, bool keep_state = false) {
        MachineConfig config;
        config.name = "web";
        config.start_command = std::move(command);
        config.state_directory = directory_.path() / "vm-state-web";
        config.shared_directory = directory_.path();
        config.keep_state = keep_state;
        auto sink = [this](const io::Event& event) {
            std::lock_guard lock(mutex_);
            events_.push_back(event.text);
        };
        machines_.push_back(std::make_shared<Machine>(std::move(config), host_, sink));
        return machines_.back();
    }
    std::shared_ptr<Machine> make_failing(std::string_view mode) {
        return make(fmt::format("env FAKE_QEMU_MODE={} {}", mode, plain));
    }
    std::vector<std::string> events() {
        std::lock_guard lock(mutex_);
        return events_;
    }
    static StartOptions options() {
        StartOptions options;
        options.environment = process::own_environment();
        return options;
    }
    template <class T>
    T run(asio::awaitable<T> operation) {
        return runtime_.start(std::move(operation)).get();
    }
    template <class Action>
    auto run_on_io(Action action) {
        auto operation = [](Action body) -> asio::awaitable<decltype(body())> { co_return body(); };
        return run(operation(std::move(action)));
    }
    Outcome execute(Machine& machine, std::string command) {
        return run(machine.parts().runner->run({.text = std::move(command)}));
    }
    template <class Failure>
    Failure failure_of(std::function<void()> action) {
        try {
            action();
        } catch (const Failure& failure) {
            return failure;
        }
        ADD_FAILURE() << "nothing was thrown";
        return Failure("");
    }

    fakes::TemporaryDirectory directory_;
    io::Runtime runtime_;
    std::shared_ptr<Host> host_;
    std::vector<std::shared_ptr<Machine>> machines_;
    std::mutex mutex_;
    std::vector<std::string> events_;
};

}  // namespace charioteer::machine
