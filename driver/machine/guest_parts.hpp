#pragma once

#include <memory>

#include "command/runner.hpp"
#include "machine/copier.hpp"
#include "machine/unit_watcher.hpp"
#include "machine/waiter.hpp"

namespace charioteer::machine {

/// The parts that virtual machines and containers share: commands, waits and copies. They can be
/// used on the io thread while the caller keeps their owner.
struct GuestParts {
    std::shared_ptr<Context> context;
    std::shared_ptr<GuestAgent> agent;
    std::shared_ptr<command::Runner> runner;
    std::shared_ptr<Waiter> waiter;
    std::shared_ptr<UnitWatcher> units;
    std::shared_ptr<Copier> copier;
};

}  // namespace charioteer::machine
