#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "io/deadline.hpp"
#include "io/event.hpp"
#include "io/unique_fd.hpp"
#include "vlan/counters.hpp"
#include "vlan/fault/gate.hpp"
#include "vlan/peer_names.hpp"
#include "vlan/plug_owner.hpp"
#include "vlan/trunk/trunk.hpp"

namespace charioteer::vlan {

class Segment;

namespace capture {
class CaptureFile;
class Recording;
class StreamServer;
struct Sent;
}  // namespace capture

struct VlanSettings {
    /// The name of a tap device to attach (at most 15 bytes), which requires root and is removed
    /// with the segment; empty: none.
    std::string tap = {};
    /// How the machine of a plug is found. Meanwhile the plug waits, and nothing else.
    PeerNames::Settings names = {};
};

/// How long the end of a VLAN takes at most.
struct StopLimits {
    io::Duration clients = {};  ///< for clients of captures to receive the last frames
    io::Duration disks = {};    ///< for the disks of captures that were not stopped before
};

/// One virtual Ethernet segment: a hub with its own thread, and the sockets to which machines
/// connect. Frames are forwarded from construction to stop(). The caller must make sure that no
/// other running driver uses the same directory; a file named `lock` there is kept.
class Vlan {
public:
    /// Starts the segment: `{directory}/vde{number}.ctl/ctl` is for the VDE control protocol,
    /// `{directory}/vde{number}.ctl/stream` for QEMU stream netdevs. The control directory has mode
    /// 0700; that of a run that was killed is reused. `sink` receives warnings from the segment's
    /// thread, until stop(). Throws io::UsageError if the path is too long for sockets or belongs
    /// to another user, io::Error for system errors.
    Vlan(int number, std::filesystem::path directory, io::EventSink sink,
         VlanSettings settings = {});
    Vlan(const Vlan&) = delete;
    Vlan& operator=(const Vlan&) = delete;
    /// As stop() without waiting.
    ~Vlan();

    int number() const noexcept { return number_; }
    /// The value for QEMU_VDE_SOCKET_{number}.
    const std::filesystem::path& control_directory() const noexcept { return directory_; }
    /// The socket for QEMU: `-netdev stream,addr.type=unix,addr.path={stream_path()},server=off`.
    std::filesystem::path stream_path() const;

    /// The counters so far. Any thread, also after stop().
    Counters counters() const;

    /// What each card, or other plug, has sent so far. Any thread, also after stop().
    std::vector<capture::Sent> sent() const;

    /// What is connected now, in the order of the ports, with the machine of each. Any thread.
    /// Throws io::TimeoutError, and io::UsageError after stop().
    std::vector<PlugOwner> plugs(io::Deadline deadline) const;
    /// From now on, the last 16 MiB of frames are kept for write_last_frames(). Any thread.
    void keep_frames();
    /// Writes the frames that are kept to `file`, which `comment` describes, and returns. Blocks
    /// for the disk. Any thread, also after stop(). Throws io::Error.
    void write_last_frames(io::UniqueFd file, std::string comment) const;
    /// Writes the frames from now on to `file`, until its stop() or that of the VLAN. Any thread.
    std::shared_ptr<capture::CaptureFile> capture(io::UniqueFd file, std::string comment);

    /// Network faults, in force when the call returns. Any thread. Throw io::TimeoutError, and
    /// io::UsageError after stop() and for a name in use.
    void add_fault(fault::Spec spec, io::Deadline deadline);
    /// Sends what waited for the fault only. No-op if there is none of that name.
    void remove_fault(std::string name, io::Deadline deadline);
    /// Declares that `machine` has `address` behind the tap device.
    void name_address(Address address, std::string machine, io::Deadline deadline);

    /// Joins this VLAN to that of the same number at the other end of a stream of bytes, which has
    /// to call this, too. Descriptors that are no sockets become non-blocking. Returns at once; the
    /// trunk has joined when the other side has introduced itself. When it ends, the sink has a
    /// warning with the host. Two VLANs are to be joined by one way only: a star, not a ring. Any
    /// thread. Throws io::UsageError if there is a trunk to that host, io::Error,
    /// io::TimeoutError.
    std::shared_ptr<Trunk> join(TrunkEnds ends, io::Deadline deadline);
    /// No-op if it has ended. Any thread.
    void end_trunk(std::shared_ptr<Trunk> trunk, io::Deadline deadline);

    /// Ends the thread, closes every plug and removes the files. Blocks until `limits` at most.
    /// Idempotent. To be called by one thread at a time, and not by the sink.
    void stop(StopLimits limits) noexcept;

    /// All paths that the segment may create, in the order of removal, so that another process can
    /// clean up after a kill -9. Most of them do not exist at a given time.
    std::vector<std::filesystem::path> paths() const;

private:
    template <class Function>
    auto on_segment(Function function, io::Deadline deadline) const;

    int number_;
    std::filesystem::path directory_;
    std::shared_ptr<capture::Recording> recording_;
    std::unique_ptr<Segment> segment_;
    std::unique_ptr<capture::StreamServer> streams_;
    std::mutex captures_mutex_;  ///< protects `captures_`
    std::vector<std::shared_ptr<capture::CaptureFile>> captures_;
    std::thread thread_;
};

}  // namespace charioteer::vlan
