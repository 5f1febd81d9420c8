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
#include "vlan/peer_names.hpp"
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
            capture::Recording& recording, PeerNames::Settings names);
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
    /// What is at each port; nullopt while one that has connected before has no port yet. Thread of
    /// run().
    std::optional<std::vector<PlugOwner>> plugs() const;
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
    enum class Problem : std::size_t {
        control_garbage,
        stream_garbage,
        no_descriptors,
        refused,
        unnamed
    };
    /// A plug whose machine is not known yet. It waits for its port, and its frames wait in its
    /// socket.
    struct Newcomer {
        std::uint64_t ticket = 0;
        io::UniqueFd stream;        ///< none: a VDE plug
        std::uint32_t control = 0;  ///< of a VDE plug
    };

    void serve(const epoll_event& event);
    void serve_port(PortId id, std::uint32_t events);
    void serve_output(PortId id, std::uint32_t events);
    void serve_control(std::size_t index);
    void accept_each(int listener, void (Segment::*take)(io::UniqueFd));
    void handle_control(io::UniqueFd socket);
    void take_stream(io::UniqueFd socket);
    io::UniqueFd accept_or_shed(int listener);
    void ask_for_name(int socket, Newcomer newcomer);
    void attach_newcomers();
    void attach(Newcomer newcomer, const std::string& machine);
    void attach_vde(std::uint32_t index, const std::string& machine);
    void watch(PortId id, const Port& port);
    void detach(PortId id, const std::string& reason = {});
    void send_due();
    void watch_backlogs();
    void close_control(std::size_t index);
    void warn_refused(const io::Error& error);
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
    std::vector<Newcomer> newcomers_;  ///< in the order in which they have connected
    std::uint64_t last_ticket_ = 0;
    PeerNames names_;
    std::array<bool, max_ports> awaiting_room_{};  ///< by port: waiting until it is writable
    std::array<bool, 5> warned_{};
    std::atomic<bool> stopping_ = false;
};

}  // namespace charioteer::vlan
