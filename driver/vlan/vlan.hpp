#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "io/event.hpp"
#include "vlan/counters.hpp"

namespace charioteer::vlan {

class Segment;

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
    ///
    /// With a name in `tap` (at most 15 bytes), a tap device of that name is attached, which
    /// requires root and is removed with the segment.
    Vlan(int number, std::filesystem::path directory, io::EventSink sink,
         const std::string& tap = {});
    Vlan(const Vlan&) = delete;
    Vlan& operator=(const Vlan&) = delete;
    ~Vlan();

    int number() const noexcept { return number_; }
    /// The value for QEMU_VDE_SOCKET_{number}.
    const std::filesystem::path& control_directory() const noexcept { return directory_; }
    /// The socket for QEMU: `-netdev stream,addr.type=unix,addr.path={stream_path()},server=off`.
    std::filesystem::path stream_path() const;

    /// The counters so far. Any thread, also after stop().
    Counters counters() const;

    /// Ends the thread, closes every plug and removes the files. Idempotent. To be called by one
    /// thread at a time, and not by the sink.
    void stop() noexcept;

    /// All paths that the segment may create, in the order of removal, so that another process can
    /// clean up after a kill -9. Most of them do not exist at a given time.
    std::vector<std::filesystem::path> paths() const;

private:
    int number_;
    std::filesystem::path directory_;
    std::unique_ptr<Segment> segment_;
    std::thread thread_;
};

}  // namespace charioteer::vlan
