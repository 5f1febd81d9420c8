#include "machine/guest_saver.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>

#include "io/unique_fd.hpp"
#include "machine/migration.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// For creating a file, under KVM.
constexpr auto disk_limit = 60s;

/// QEMU would create it for its group, too.
void create_private(const std::filesystem::path& file) {
    io::UniqueFd created(::open(file.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
    if (!created) throw io::system_error("it cannot be created", errno);
}

}  // namespace

asio::awaitable<void> GuestSaver::pause() {
    co_await monitor_->qmp("stop", {});
    auto reply = co_await monitor_->qmp("query-status", {});
    const auto* status = reply.is_object() ? reply.get_object().if_contains("running") : nullptr;
    if (status != nullptr && status->is_bool() && status->get_bool())
        throw io::Error(
            fmt::format("{}: the guest still runs after the QMP command `stop`", context_->name()));
}

asio::awaitable<void> GuestSaver::resume() {
    co_await monitor_->qmp("cont", {});
}

asio::awaitable<void> GuestSaver::save(std::filesystem::path file) {
    auto where = file.native();
    try {
        co_await create_and_save(std::move(file));
    } catch (io::Error& error) {
        error.add_context(fmt::format("{}: saving its state to {}", context_->name(), where));
        throw;
    }
}

asio::awaitable<void> GuestSaver::create_and_save(std::filesystem::path file) {
    auto qemu = context_->running_qemu();
    Migration migration(qemu->share_qmp(), context_->time(),
                        context_->accelerator().limit_factor());
    migration.expect_supported();
    co_await migration.expect_savable();
    auto create = [file] { create_private(file); };
    auto deadline = context_->deadline_after(disk_limit);
    co_await deadline.limit(context_->host().disk().run(std::move(create)),
                            "the file was not created");
    co_await migration.save(std::move(file));
}

}  // namespace charioteer::machine
