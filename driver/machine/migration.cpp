#include "machine/migration.hpp"

#include <fmt/format.h>

#include <boost/asio/this_coro.hpp>

#include "io/backoff.hpp"
#include "machine/guest_state.hpp"
#include "machine/qemu_version.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// The first QEMU with the capability mapped-ram.
constexpr QemuVersion first_supported{9, 0};
/// For a migration without its RAM,
constexpr auto base_limit = 60s;
/// and how many bytes of RAM are moved in a second at least.
constexpr std::uintmax_t slowest_rate = 20'000'000;
/// Both ends must use it.
constexpr auto file_format = "mapped-ram";
/// Several threads move the RAM. Not for loading, where QEMU 10.0 crashes when a file is damaged.
constexpr auto parallel = "multifd";
constexpr auto query_limit = 60s;
/// For the end of a migration that was cancelled.
constexpr auto cancel_limit = 20s;

/// Not a URI, in which some characters of a path have a meaning.
json::object channels_of(const std::filesystem::path& file) {
    json::object address{{"transport", "file"}, {"filename", file.native()}, {"offset", 0}};
    json::array channels{json::object{{"channel-type", "main"}, {"addr", std::move(address)}}};
    return {{"channels", std::move(channels)}};
}

std::string text_at(const json::value& value, std::string_view key) {
    const auto* object = value.if_object();
    const auto* member = object == nullptr ? nullptr : object->if_contains(key);
    return member != nullptr && member->is_string() ? std::string(member->get_string())
                                                    : std::string();
}

std::uintmax_t number_at(const json::value& value, std::string_view key) {
    const auto* object = value.if_object();
    const auto* member = object == nullptr ? nullptr : object->if_contains(key);
    bool valid = member != nullptr && member->is_int64() && member->get_int64() > 0;
    return valid ? static_cast<std::uintmax_t>(member->get_int64()) : 0;
}

/// The texts of a list, joined by semicolons.
std::string joined_at(const json::value& value, std::string_view key) {
    std::string all;
    const auto* object = value.if_object();
    const auto* member = object == nullptr ? nullptr : object->if_contains(key);
    if (member == nullptr || !member->is_array()) return all;
    for (const auto& each : member->get_array())
        if (each.is_string())
            all.append(all.empty() ? "" : "; ").append(std::string_view(each.get_string()));
    return all;
}

bool has_ended(std::string_view status) {
    return status.empty() || status == "none" || status == "completed" || status == "failed" ||
           status == "cancelled";
}

}  // namespace

void Migration::expect_supported() const {
    if (!(parse_qemu_version(qmp_->version()) < first_supported)) return;
    throw io::Error(
        fmt::format("the state of a guest can be saved and loaded by QEMU {}.{} and newer, and "
                    "this is QEMU {}",
                    first_supported.major_number, first_supported.minor_number, qmp_->version()));
}

asio::awaitable<void> Migration::expect_savable() {
    auto deadline = time_.deadline_after(query_limit * limit_factor_);
    auto state = co_await query_run_state(*qmp_, deadline);
    if (state == "running")
        throw io::UsageError("its guest is running: pause() it before its state is saved");
    auto report = co_await query(deadline);
    if (!report.blockers.empty())
        throw io::Error(fmt::format("its state cannot be saved: {}", report.blockers));
}

asio::awaitable<void> Migration::save(std::filesystem::path file) {
    auto ram = co_await query_ram();
    auto deadline = deadline_for(ram);
    std::vector<std::string> capabilities{file_format, parallel};
    co_await prepare(std::move(capabilities), deadline);
    std::exception_ptr failure;
    try {
        co_await qmp_->execute("migrate", channels_of(file), deadline);
        co_await until_completed(deadline);
    } catch (...) {
        failure = std::current_exception();
    }
    if (!failure) co_return;
    // Waits for the migration's end also when the call was cancelled.
    co_await asio::this_coro::reset_cancellation_state();
    co_await cancel();
    std::rethrow_exception(failure);
}

asio::awaitable<void> Migration::load(std::filesystem::path file, std::uintmax_t size) {
    auto ram = co_await query_ram();
    auto deadline = deadline_for(ram);
    std::vector<std::string> capabilities{file_format};
    co_await prepare(std::move(capabilities), deadline);
    co_await qmp_->execute("migrate-incoming", channels_of(file), deadline);
    co_await until_completed(deadline);
    // QEMU does not compare the sizes of the RAM.
    if (size < ram) throw io::Error("it is the state of a guest with less memory");
}

asio::awaitable<std::uintmax_t> Migration::query_ram() {
    auto deadline = time_.deadline_after(query_limit * limit_factor_);
    auto sizes = co_await qmp_->execute("query-memory-size-summary", {}, deadline);
    co_return number_at(sizes, "base-memory") + number_at(sizes, "plugged-memory");
}

/// QEMU may not answer while it moves the RAM, so that there is no better sign of progress.
io::Deadline Migration::deadline_for(std::uintmax_t ram) const {
    auto limit = base_limit + std::chrono::seconds(ram / slowest_rate);
    return time_.deadline_after(limit * limit_factor_);
}

asio::awaitable<void> Migration::prepare(std::vector<std::string> capabilities,
                                         io::Deadline deadline) {
    json::array list;
    for (const auto& name : capabilities)
        list.push_back(json::object{{"capability", name}, {"state", true}});
    json::object arguments{{"capabilities", std::move(list)}};
    co_await qmp_->execute("migrate-set-capabilities", std::move(arguments), deadline);
    // No limit: the guest waits, and the default is that of a network.
    json::object parameters{{"max-bandwidth", 0}};
    co_await qmp_->execute("migrate-set-parameters", std::move(parameters), deadline);
}

asio::awaitable<Migration::Report> Migration::query(io::Deadline deadline) {
    auto reply = co_await qmp_->execute("query-migrate", {}, deadline);
    co_return Report{text_at(reply, "status"), text_at(reply, "error-desc"),
                     joined_at(reply, "blocked-reasons")};
}

asio::awaitable<void> Migration::until_completed(io::Deadline deadline) {
    io::Backoff pauses(1ms, 10ms);
    for (;;) {
        auto report = co_await query(deadline);
        if (report.status == "completed") co_return;
        if (has_ended(report.status))
            throw io::Error(fmt::format("QEMU reports: {}",
                                        report.failure.empty()
                                            ? fmt::format("the migration is {}", report.status)
                                            : report.failure));
        if (deadline.passed(time_.now())) throw deadline.exceeded("QEMU has not finished");
        co_await time_.sleep_for(pauses.next());
    }
}

asio::awaitable<void> Migration::cancel() {
    auto deadline = time_.deadline_after(cancel_limit * limit_factor_);
    try {
        co_await qmp_->execute("migrate_cancel", {}, deadline);
        for (;;) {
            auto report = co_await query(deadline);
            if (has_ended(report.status) || deadline.passed(time_.now())) co_return;
            co_await time_.sleep_for(20ms);
        }
    } catch (const io::Error&) {
        // QEMU has ended or hangs, which the next call reports.
    }
}

}  // namespace charioteer::machine
