#include "machine/launcher.hpp"

#include <fmt/format.h>

#include "machine/output_holders.hpp"
#include "machine/qemu_version.hpp"
#include "machine/state_events.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// For launching QEMU under KVM: long, since start scripts may format disks first. Upstream has no
/// limit.
constexpr auto launch_limit = 120s;
/// The first QEMU whose TCG boots reliably.
constexpr QemuVersion good_qemu{8, 0};

}  // namespace

const std::string& start_command_of(const MachineConfig& config, const StartOptions& options) {
    return options.command.empty() ? config.start_command : options.command;
}

void Launcher::check_aborted() const {
    if (aborted_) throw io::UsageError("the machine was released and cannot be restarted");
}

asio::awaitable<void> Launcher::check_start_command(const StartOptions& options) {
    auto check = [command = start_command_of(context_->config(), options)] {
        machine::check_start_command(command);
    };
    auto deadline = context_->deadline_after(launch_limit);
    co_await deadline.limit(context_->host().disk().run(std::move(check)),
                            "the start script was not found");
}

asio::awaitable<void> Launcher::choose_accelerator(StartOptions& options) {
    std::string wanted(process::find_variable(options.environment, "CHARIOTEER_ACCEL"));
    auto choice = co_await context_->host().accelerator(std::move(wanted), context_->sink());
    context_->set_accelerator(choice);
    bool kvm = choice.accelerator == Accelerator::kvm;
    // Start scripts have accel=kvm:tcg: where KVM works there is nothing to change.
    if (kvm && !choice.by_hand) co_return;
    if (uses_accel_option(start_command_of(context_->config(), options))) {
        context_->warn(
            fmt::format("the start script chooses its accelerator by -accel, which the driver "
                        "cannot change to {}; let it use -machine accel=kvm:tcg",
                        kvm ? "kvm" : "tcg"));
        co_return;
    }
    options.arguments.insert(options.arguments.begin(),
                             {"-machine", kvm ? "accel=kvm" : "accel=tcg"});
}

LaunchPlan Launcher::plan_of(StartOptions options) const {
    const auto& config = context_->config();
    LaunchPlan plan;
    plan.name = config.name;
    plan.directory = claim_.path();
    plan.lock = claim_.lock();
    plan.agent = options.agent;
    plan.holder_limit = parse_holder_limit(
        process::find_variable(options.environment, "CHARIOTEER_OUTPUT_HOLDER_LIMIT"));
    plan.command =
        launch_command(start_command_of(config, options), Sockets(plan.directory), options);
    plan.environment = named_environment(std::move(options.environment), config.name);
    if (options.full_command.empty())
        plan.environment = launch_environment(std::move(plan.environment), config.name,
                                              plan.directory, config.shared_directory);
    return plan;
}

asio::awaitable<std::shared_ptr<Qemu>> Launcher::launch(StartOptions options) {
    auto plan = plan_of(std::move(options));
    check_aborted();
    // Does not capture the context, which owns the QEMU that owns this function.
    auto warn = [sink = context_->sink(), name = context_->name()](std::string text) {
        sink({io::EventKind::warning, name, std::move(text)});
    };
    qemu_ = std::make_shared<Qemu>(context_->console(), context_->share_host(), std::move(warn));
    try {
        co_await qemu_->launch(std::move(plan), context_->deadline_after(launch_limit));
    } catch (io::Error& error) {
        if (auto hint = quoting_hint(claim_.path()); !hint.empty()) error.add_note(std::move(hint));
        throw;
    }
    report_states(*context_, *qemu_);
    warn_of_old_qemu(*qemu_);
    co_return qemu_;
}

void Launcher::abort() {
    aborted_ = true;
    if (qemu_) qemu_->abort();
}

void Launcher::warn_of_old_qemu(Qemu& qemu) const {
    const auto& version = qemu.qmp().version();
    bool tcg = context_->accelerator().accelerator == Accelerator::tcg;
    if (!tcg || !(parse_qemu_version(version) < good_qemu)) return;
    if (!context_->host().first_to_warn_of_old_qemu()) return;
    context_->sink()(
        {io::EventKind::warning,
         {},
         fmt::format("QEMU {} crashes one guest kernel in six at boot under TCG; use QEMU {} or "
                     "newer (on Debian 12 from bookworm-backports)",
                     version, good_qemu.major_number)});
}

}  // namespace charioteer::machine
