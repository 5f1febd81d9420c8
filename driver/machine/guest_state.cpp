#include "machine/guest_state.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

namespace charioteer::machine {

namespace {

/// QEMU's names for the reasons of its end (ShutdownCause in QMP's reference), and their texts.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> shutdown_causes{{
    {"guest-shutdown", "the guest powered itself off"},
    {"guest-reset", "the guest reset itself and start(allow_reboot=True) was not given"},
    {"guest-panic", "the guest's kernel panicked"},
    {"host-qmp-quit", "its monitor received the command quit"},
    {"host-qmp-system-reset",
     "its monitor received system_reset and start(allow_reboot=True) was not given"},
    {"host-signal", "it was ended by a signal"},
    {"host-ui", "its window was closed"},
    {"host-error", "it had an error"},
    {"subsystem-reset", "a part of the guest was reset"},
}};

std::string explain_shutdown(std::string_view cause) {
    for (const auto& [word, meaning] : shutdown_causes)
        if (word == cause) return std::string(meaning);
    return cause.empty() ? "the guest shut down" : fmt::format("QEMU gave the reason {}", cause);
}

const json::object* data_of(const json::object& event) {
    const auto* data = event.if_contains("data");
    return data != nullptr && data->is_object() ? &data->get_object() : nullptr;
}

}  // namespace

std::string_view event_name(const json::object& event) {
    const auto* value = event.if_contains("event");
    return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                  : std::string_view();
}

std::string_view event_text(const json::object& event, std::string_view key) {
    const auto* data = data_of(event);
    const auto* value = data == nullptr ? nullptr : data->if_contains(key);
    return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                  : std::string_view();
}

asio::awaitable<std::string> query_run_state(qmp::Client& qmp, io::Deadline deadline) {
    std::string state = "unknown";
    try {
        auto reply = co_await qmp.execute("query-status", {}, deadline);
        const auto* object = reply.if_object();
        const auto* status = object == nullptr ? nullptr : object->if_contains("status");
        if (status != nullptr && status->is_string()) state = status->get_string();
    } catch (const io::Error& error) {
        state = error.what();
    }
    co_return state;
}

std::shared_ptr<GuestState> GuestState::of(qmp::Client& qmp,
                                           const asio::any_io_executor& executor) {
    auto self = std::make_shared<GuestState>(executor);
    qmp.on_event([weak = self->weak_from_this()](const json::object& event) {
        if (auto state = weak.lock()) state->handle_event(event);
        return false;
    });
    return self;
}

void GuestState::handle_event(const json::object& event) {
    auto name = event_name(event);
    if (name == "STOP") stopped_ = true;
    if (name == "RESUME") stopped_ = false;
    if (name == "SUSPEND" || name == "SUSPEND_DISK") suspended_ = true;
    if (name == "WAKEUP" || name == "RESET") suspended_ = devices_shut_ = false;
    // A QEMU with -no-shutdown pauses when the guest shuts down, and continues after a reset.
    if (name == "RESET") why_ended_.clear();
    if (name == "JOB_STATUS_CHANGE")
        handle_job(event_text(event, "id"), event_text(event, "status"));
    if (name == "SHUTDOWN") why_ended_ = explain_shutdown(event_text(event, "reason"));
}

/// A job that succeeds passes through "pending", one that fails through "aborting".
void GuestState::handle_job(std::string_view id, std::string_view status) {
    auto restore = restores_.find(id);
    if (restore == restores_.end()) return;
    bool succeeded = status == "pending";
    if (!succeeded && status != "aborting" && status != "concluded" && status != "null") return;
    restores_.erase(restore);
    if (succeeded) note_restored();
}

std::string GuestState::describe() const {
    if (stopped_) return "the guest is stopped by its monitor";
    if (suspended_) return "the guest is suspended";
    if (devices_shut_) return "the guest sleeps: it has shut its devices";
    return {};
}

void GuestState::note_restored() {
    suspended_ = devices_shut_ = false;
    ++times_restored_;
    for (const auto& handler : handlers_) handler();
    changed_.notify_all();
}

asio::awaitable<void> GuestState::until_restored() {
    auto self = shared_from_this();
    auto before = times_restored_;
    while (times_restored_ == before) co_await changed_.wait();
}

}  // namespace charioteer::machine
