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

/// One virtual Ethernet segment: a hub with its own thread, and the sockets at which machines
/// plug in. Frames flow from construction to stop(). The caller makes sure that no other living run
/// uses the same directory; a file named `lock` there is left alone.
class Vlan {
public:
    /// Starts the segment: `{directory}/vde{number}.ctl/ctl` answers the VDE control protocol,
    /// `{directory}/vde{number}.ctl/stream` takes QEMU stream netdevs. The control directory gets
    /// mode 0700; the one of a dead run is taken over. `sink` receives warnings from the segment's
    /// thread, until stop(). Throws io::UsageError when the path is too long for sockets or belongs
    /// to another user, io::Error when the system refuses.
    ///
    /// With a name in `tap`, a tap device of that name (at most 15 bytes) is plugged in, which
    /// takes root, and which goes with the segment.
    Vlan(int number, std::filesystem::path directory, io::EventSink sink,
         const std::string& tap = {});
    Vlan(const Vlan&) = delete;
    Vlan& operator=(const Vlan&) = delete;
    ~Vlan();

    int number() const noexcept { return number_; }
    /// The value for QEMU_VDE_SOCKET_{number}.
    const std::filesystem::path& control_directory() const noexcept { return directory_; }
    /// Where QEMU connects: `-netdev stream,addr.type=unix,addr.path={stream_path()},server=off`.
    std::filesystem::path stream_path() const;

    /// What has passed so far. Any thread, also after stop().
    Counters counters() const;

    /// Ends the thread, closes every plug and removes what is on disk. Idempotent. From one thread
    /// at a time, and not from the sink.
    void stop() noexcept;

    /// Every path that the segment makes on disk in its life, in the order of removal, so that
    /// somebody else can clear up after a kill -9. Most do not exist at any given moment.
    std::vector<std::filesystem::path> paths() const;

private:
    int number_;
    std::filesystem::path directory_;
    std::unique_ptr<Segment> segment_;
    std::thread thread_;
};

}  // namespace charioteer::vlan
