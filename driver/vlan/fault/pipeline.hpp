#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "vlan/fault/fault.hpp"
#include "vlan/fault/packet.hpp"
#include "vlan/fault/stations.hpp"

namespace charioteer::vlan::fault {

/// What a fault has done to a frame. Valid during the call.
struct Touch {
    const std::string& fault;   ///< its name
    const std::string& origin;  ///< as in its Spec
    Fate fate;
    const std::string& from;
    const std::string& to;
    const Frame& frame;
};

/// Applies the faults of a VLAN to frames: each frame passes the faults of its link in the order in
/// which they were added. No I/O; the caller passes the time. Segment's thread.
///
/// Frames wait in bounded queues. Removing a fault lets the frames that wait there go on at once,
/// in the order in which they were to be delivered.
class Pipeline {
public:
    /// Limits of the waiting frames, in bytes: of one link at one fault (50 ms at 670 Mbit/s), and
    /// of all.
    static constexpr std::size_t link_limit = 4 << 20;
    static constexpr std::size_t total_limit = 64 << 20;

    /// `stations` outlives the pipeline.
    explicit Pipeline(Stations& stations);
    ~Pipeline();

    /// Throws io::UsageError if there is a fault of that name.
    void add(Spec spec);
    /// Appends the frames that waited only for this fault to `out`. No-op if there is none of that
    /// name.
    void remove(const std::string& name, TimePoint now, Packets& out);
    bool empty() const noexcept { return faults_.empty(); }

    /// Declares that frames to `tap` reach all of `members`. A frame to `tap` itself, such as a
    /// broadcast, passes only the faults of all of them.
    void set_members(StationId tap, std::vector<StationId> members);

    /// Calls `observe` for each frame to which a fault does something; empty: no more.
    void observe(std::function<void(const Touch&)> observe) { observe_ = std::move(observe); }

    /// Passes a frame through the faults of `link`. Appends what is to be sent now to `out`.
    void pass(Link link, Packet packet, TimePoint now, Packets& out);
    /// Whether `link` is cut for the frame. Counts nothing.
    bool is_cut(Link link, const Frame& frame);

    /// When deliver_due() has something to do; nullopt: never, unless there are new frames.
    std::optional<TimePoint> next_due() const;
    /// Appends the frames that are due at `now` to `out`, in the order of their times.
    void deliver_due(TimePoint now, Packets& out);

private:
    struct Active;
    struct Hop {
        Active* fault;
        LinkState* state;
    };
    using Chain = std::vector<Hop>;
    struct Waiting {
        Active* fault;
        Link link;
        Packet packet;
    };

    Chain& chain_of(Link link);
    std::vector<Active*> faults_of(Link link) const;
    std::vector<Active*> faults_of_pair(Link link) const;
    void go_on(Link link, const Active* after, Packet packet, TimePoint now, Packets& out);
    bool apply(const Hop& hop, Link link, Packet& packet, TimePoint now, Packets& out);
    bool has_room(const LinkState& state, const Packet& packet) const noexcept;
    Waiting keep(const Hop& hop, Link link, Packet packet);
    void report(const Active& fault, const Fate& fate, Link link, const Frame& frame) const;

    Stations& stations_;
    std::function<void(const Touch&)> observe_;
    std::vector<std::unique_ptr<Active>> faults_;  ///< in the order of add()
    std::uint64_t last_number_ = 0;
    std::unordered_map<std::uint32_t, std::vector<Active*>> by_pair_;  ///< as in Spec::links
    std::unordered_map<std::uint32_t, Chain> chains_;  ///< of the links that were used
    std::unordered_map<StationId, std::vector<StationId>> members_;
    std::multimap<TimePoint, Waiting> delayed_;
    std::size_t waiting_bytes_ = 0;
};

}  // namespace charioteer::vlan::fault
