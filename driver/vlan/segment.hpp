#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "io/event.hpp"
#include "vlan/control.hpp"
#include "vlan/datagram_port.hpp"
#include "vlan/hub.hpp"
#include "vlan/poller.hpp"
#include "vlan/sockets.hpp"

namespace charioteer::vlan {

/// Forwards the frames of one segment: accepts plugs, and runs the loop that serves them. All on
/// the thread that calls run(), except construction, stop(), close() and counters().
class Segment {
public:
    /// Listens in `directory` (see prepare_directory()). Throws io::Error.
    Segment(int number, std::filesystem::path directory, io::EventSink sink);
    Segment(const Segment&) = delete;
    Segment& operator=(const Segment&) = delete;

    /// Attaches a tap device, before run(). Throws io::Error.
    void attach_tap(io::UniqueFd device);
    /// Serves the plugs until stop().
    void run() noexcept;
    void stop() noexcept { poller_.wake(); }
    /// Closes all plugs and listeners, after run() has returned.
    void close() noexcept;
    Counters counters() const noexcept { return counters_.snapshot(); }

private:
    /// Problems that are logged only at their first occurrence.
    enum class Problem : std::size_t { control_garbage, stream_garbage, no_descriptors, refused };

    void serve(const epoll_event& event);
    void serve_port(PortId id, std::uint32_t events);
    void serve_control(std::size_t index);
    void accept_each(int listener, void (Segment::*take)(io::UniqueFd));
    void handle_control(io::UniqueFd socket);
    void take_stream(io::UniqueFd socket);
    io::UniqueFd accept_or_shed(int listener);
    void attach_vde(ControlConnection& connection, std::uint32_t index);
    void attach(PortId id, std::unique_ptr<Port> port);
    void detach(PortId id);
    void watch_backlogs();
    void warn_once(Problem problem, const std::string& text);

    int number_;
    std::filesystem::path directory_;
    io::EventSink sink_;
    LiveCounters counters_;
    Poller poller_;
    io::UniqueFd vde_listener_;
    io::UniqueFd stream_listener_;
    /// Closed temporarily when no descriptors are left, so that a connection can be accepted and
    /// closed; otherwise the listener would stay ready.
    io::UniqueFd spare_;
    std::vector<std::unique_ptr<ControlConnection>> controls_;
    DatagramBuffers buffers_;
    Hub hub_{counters_};
    std::array<bool, max_ports> awaiting_room_{};  ///< by port: waiting until it is writable
    std::array<bool, 4> warned_{};
    bool stopping_ = false;
};

}  // namespace charioteer::vlan
