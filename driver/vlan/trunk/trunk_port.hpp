#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "vlan/stream_writer.hpp"
#include "vlan/trunk/trunk_codec.hpp"

namespace charioteer::vlan::trunk {

/// The port of a trunk to the same VLAN elsewhere. Segment's thread.
class TrunkPort : public StreamWriter {
public:
    struct Events {
        /// As in Decoder.
        std::function<std::string(const Hello&)> refuse;
        /// The other side has named the station of an address. What it returns ends the trunk,
        /// unless it is empty.
        std::function<std::string(const Name&)> named;
    };

    /// Takes ownership of the descriptors, as StreamWriter does, and sends `own`.
    TrunkPort(io::UniqueFd input, io::UniqueFd output, LiveCounters& counters, const Hello& own,
              Events events);

    Link receive(std::vector<Frame>& frames) override;
    void drain() override;
    /// Sends the name of a station; later, if the queue is full.
    void announce(const Name& name);
    /// Why it has ended, after receive() has returned another value than `up`.
    const std::string& reason() const noexcept { return reason_; }

private:
    void enqueue_records();

    Decoder decoder_;
    Events events_;
    std::string reason_;
    std::vector<Name> names_;          ///< of one receive(); a member to reuse its memory
    std::deque<std::string> waiting_;  ///< records of names, for which the queue had no room
};

}  // namespace charioteer::vlan::trunk
