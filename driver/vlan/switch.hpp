#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "io/deadline.hpp"
#include "vlan/frame.hpp"

namespace charioteer::vlan {

using PortId = std::uint16_t;

/// Decides where frames go. No I/O and no clock. To a guest it is upstream's hub, except that a
/// frame for a known station does not reach the others.
class Switch {
public:
    /// A station not heard of for so long is forgotten: its frames are flooded again.
    static constexpr io::Duration age_limit = std::chrono::minutes(5);
    static constexpr std::size_t default_capacity = 4096;

    /// `capacity`: how many stations are remembered at most, rounded up to a power of two; the
    /// stations heard of least recently give way.
    explicit Switch(std::size_t capacity = default_capacity);

    /// The one port that gets the frame, or nullopt: all but `from`. Remembers the sender.
    std::optional<PortId> decide(const Header& header, PortId from, io::TimePoint now);

    /// The port is gone, and with it what was learned there.
    void forget(PortId port);

private:
    struct Station {
        MacAddress address;
        PortId port = 0;
        bool known = false;
        io::TimePoint heard;
    };
    /// Addresses with the same hash share a set; in it the oldest gives way. So a lookup touches a
    /// bounded number of entries, and a guest that makes up addresses cannot make us grow.
    static constexpr std::size_t set_size = 4;
    using Set = std::array<Station, set_size>;

    Set& set_of(MacAddress address);
    void learn(MacAddress address, PortId port, io::TimePoint now);

    std::vector<Set> sets_;
};

}  // namespace charioteer::vlan
