#pragma once

#include "machine/guest_process.hpp"
#include "unit/machine/machine_fixture.hpp"

namespace charioteer::machine {

/// Machines whose agent is the real one, which runs on this host.
class AgentTest : public MachineTest {
protected:
    inline static const std::string with_agent = fmt::format("env FAKE_QEMU_AGENT=real {}", plain);
    inline static const std::string without_agent =
        fmt::format("env FAKE_QEMU_AGENT=deny {}", plain);

    void SetUp() override {
        MachineTest::SetUp();
        ::setenv("CHARIOTEER_CHANNEL", "", 1);
        ::setenv("CHARIOTEER_AGENT_DIRECTORY", fakes::agent_directory, 1);
    }
    void TearDown() override {
        MachineTest::TearDown();
        ::unsetenv("CHARIOTEER_AGENT_DIRECTORY");
    }
    std::shared_ptr<Machine> connected(std::string command) {
        auto machine = make(std::move(command));
        run(machine->connect(options()));
        return machine;
    }
    static asio::awaitable<std::shared_ptr<GuestProcess>> begin(Machine& machine, Command command) {
        return GuestProcess::begin(machine.parts().context, machine.parts().agent,
                                   std::move(command));
    }
    /// The outcome of `text`, with all of its errors; its other properties are those of `command`.
    Outcome run_all(Machine& machine, std::string text, Command command = {}) {
        command.text = std::move(text);
        command.all_errors = true;
        return run(machine.parts().runner->run(std::move(command)));
    }
};

}  // namespace charioteer::machine
