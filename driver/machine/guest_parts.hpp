#pragma once

#include <memory>

#include "command/runner.hpp"
#include "machine/copier.hpp"
#include "machine/unit_watcher.hpp"
#include "machine/waiter.hpp"

namespace charioteer::machine {

/// What virtual machines and containers have in common: commands, waits and copies. Usable on the
/// io thread while their owner is held.
struct GuestParts {
    std::shared_ptr<Context> context;
    std::shared_ptr<GuestAgent> agent;
    std::shared_ptr<command::Runner> runner;
    std::shared_ptr<Waiter> waiter;
    std::shared_ptr<UnitWatcher> units;
    std::shared_ptr<Copier> copier;
};

}  // namespace charioteer::machine
