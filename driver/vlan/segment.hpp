#pragma once

#include <array>
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "io/event.hpp"
#include "vlan/control.hpp"
#include "vlan/datagram_port.hpp"
#include "vlan/hub.hpp"
#include "vlan/mailbox.hpp"
#include "vlan/poller.hpp"
#include "vlan/sockets.hpp"
#include "vlan/trunk/trunks.hpp"

namespace charioteer::vlan {

/// Forwards the frames of one segment: accepts plugs, and runs the loop that serves them. All on
/// the thread that calls run(), except construction, stop(), close(), mailbox() and counters().
class Segment {
public:
    /// Listens in `directory` (see prepare_directory()). `recording` outlives the segment. Throws
    /// io::Error.
    Segment(int number, std::filesystem::path directory, io::EventSink sink,
            capture::Recording& recording);
    Segment(const Segment&) = delete;
    Segment& operator=(const Segment&) = delete;

    /// Attaches the tap device `name`, before run(). Throws io::Error.
    void attach_tap(io::UniqueFd device, const std::string& name);
    /// Serves the plugs until stop().
    void run() noexcept;
    void stop() noexcept;
    /// Closes all plugs and listeners, after run() has returned.
    void close() noexcept;
    Counters counters() const noexcept { return counters_.snapshot(); }
    /// Runs functions on the thread of run(). Any other thread.
    Mailbox& mailbox() noexcept { return mailbox_; }
    /// What is at each port. Thread of run().
    std::vector<PlugOwner> plugs() const;
    /// Sends the frames that waited only for the fault `name`. Thread of run().
    void remove_fault(const std::string& name);
    /// Joins this segment to that of the same VLAN at the other end. Throws io::UsageError if there
    /// is a trunk to that host, io::Error. Thread of run().
    void join(TrunkEnds ends, std::shared_ptr<Trunk> trunk);
    /// No-op if it has ended. Thread of run().
    void end_trunk(const Trunk& trunk);
    /// Declares that `machine` has `address` behind the tap device. Thread of run().
    void name_address(Address address, const std::string& machine);
    /// For the other functions of faults. Thread of run().
    Hub& hub() noexcept { return hub_; }

private:
    /// Problems that are logged only at their first occurrence.
    enum class Problem : std::size_t { control_garbage, stream_garbage, no_descriptors, refused };

    void serve(const epoll_event& event);
    void serve_port(PortId id, std::uint32_t events);
    void serve_output(PortId id, std::uint32_t events);
    void serve_control(std::size_t index);
    void accept_each(int listener, void (Segment::*take)(io::UniqueFd));
    void handle_control(io::UniqueFd socket);
    void take_stream(io::UniqueFd socket);
    io::UniqueFd accept_or_shed(int listener);
    void attach_vde(ControlConnection& connection, std::uint32_t index);
    void watch(PortId id, const Port& port);
    void detach(PortId id, const std::string& reason = {});
    void send_due();
    void watch_backlogs();
    void warn_once(Problem problem, const std::string& text);

    int number_;
    std::filesystem::path directory_;
    io::EventSink sink_;
    LiveCounters counters_;
    Poller poller_;
    Mailbox mailbox_{[this] { poller_.wake(); }};
    io::UniqueFd vde_listener_;
    io::UniqueFd stream_listener_;
    /// Closed temporarily when no descriptors are left, so that a connection can be accepted and
    /// closed; otherwise the listener would stay ready.
    io::UniqueFd spare_;
    std::vector<std::unique_ptr<ControlConnection>> controls_;
    DatagramBuffers buffers_;
    Hub hub_;
    trunk::Trunks trunks_;
    std::array<bool, max_ports> awaiting_room_{};  ///< by port: waiting until it is writable
    std::array<bool, 4> warned_{};
    std::atomic<bool> stopping_ = false;
};

}  // namespace charioteer::vlan
