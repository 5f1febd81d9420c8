#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>

#include "machine/context.hpp"
#include "machine/start_script.hpp"
#include "process/directory_claims.hpp"

namespace charioteer::machine {

/// One start of a machine: chooses the accelerator, makes the command line and the environment, and
/// launches QEMU. Io thread only; the caller keeps the object and the claim while a coroutine runs.
class Launcher {
public:
    Launcher(std::shared_ptr<Context> context, const process::ClaimedDirectory& claim)
        : context_(std::move(context)), claim_(claim) {}
    Launcher(const Launcher&) = delete;
    Launcher& operator=(const Launcher&) = delete;

    /// As machine::check_start_command(), for the command that will be run.
    asio::awaitable<void> check_start_command(const StartOptions& options);
    /// Sets the accelerator of the context, and in `options` the arguments that choose it.
    asio::awaitable<void> choose_accelerator(StartOptions& options);
    /// Runs the start script until QEMU has connected. Throws io::Error, io::TimeoutError after
    /// 120 s (under TCG 600 s), io::UsageError after abort(); QEMU has ended then.
    asio::awaitable<std::shared_ptr<Qemu>> launch(StartOptions options);
    /// Ends a running launch, or prevents it.
    void abort();
    /// Throws io::UsageError after abort().
    void check_aborted() const;

private:
    LaunchPlan plan_of(StartOptions options) const;
    void warn_of_old_qemu(Qemu& qemu) const;

    std::shared_ptr<Context> context_;
    const process::ClaimedDirectory& claim_;
    std::shared_ptr<Qemu> qemu_;
    bool aborted_ = false;
};

/// The start command of `options` or, without one, of the machine.
const std::string& start_command_of(const MachineConfig& config, const StartOptions& options);

}  // namespace charioteer::machine
