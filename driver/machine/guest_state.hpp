#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "io/condition.hpp"
#include "qmp/client.hpp"

namespace charioteer::machine {

namespace asio = boost::asio;
namespace json = boost::json;

std::string_view event_name(const json::object& event);
/// A member of an event's data; empty when there is none that is text.
std::string_view event_text(const json::object& event, std::string_view key);

/// QEMU's state of the guest, as "running" or "paused"; or why QEMU does not answer. The caller
/// keeps `qmp` until then.
asio::awaitable<std::string> query_run_state(qmp::Client& qmp, io::Deadline deadline);

/// What QEMU's events report about the guest as a whole, and about QEMU's own end. Io thread only.
class GuestState : public std::enable_shared_from_this<GuestState> {
public:
    /// Subscribes to the events of `qmp`; is called before later subscribers.
    static std::shared_ptr<GuestState> of(qmp::Client& qmp, const asio::any_io_executor& executor);
    explicit GuestState(const asio::any_io_executor& executor) : changed_(executor) {}
    GuestState(const GuestState&) = delete;
    GuestState& operator=(const GuestState&) = delete;

    void handle_event(const json::object& event);

    /// The guest is stopped by the monitor.
    bool stopped() const noexcept { return stopped_; }
    /// The guest is stopped since the start of QEMU, which reports no event for it.
    void set_stopped() noexcept { stopped_ = true; }
    /// The guest is suspended, and QEMU reports when it wakes up.
    bool suspended() const noexcept { return suspended_; }
    /// The guest is suspended, or idles in s2idle.
    bool asleep() const noexcept { return suspended_ || devices_shut_; }
    /// Whether the guest's drivers have shut its devices, the only sign that a guest idles in
    /// s2idle.
    void set_devices_shut(bool shut) noexcept { devices_shut_ = shut; }
    /// "the guest is suspended"; empty while it runs.
    std::string describe() const;
    /// Why QEMU ends or has ended, as "the guest powered itself off"; empty before it is known.
    const std::string& why_ended() const noexcept { return why_ended_; }

    /// Called when the guest was restored to an earlier state.
    void note_restored();
    /// The guest will be restored when the job of QEMU with this id succeeds.
    void expect_restore(std::string job) { restores_.insert(std::move(job)); }
    /// QEMU has refused the job.
    void forget_restore(const std::string& job) { restores_.erase(job); }
    /// `handler` is called each time the guest was restored.
    void on_restored(std::function<void()> handler) { handlers_.push_back(std::move(handler)); }
    std::size_t times_restored() const noexcept { return times_restored_; }
    asio::awaitable<void> until_restored();

private:
    void handle_job(std::string_view id, std::string_view status);

    io::Condition changed_;
    std::vector<std::function<void()>> handlers_;
    bool stopped_ = false;
    bool suspended_ = false;
    bool devices_shut_ = false;
    std::size_t times_restored_ = 0;
    std::set<std::string, std::less<>> restores_;  ///< ids of jobs under way
    std::string why_ended_;
};

}  // namespace charioteer::machine
