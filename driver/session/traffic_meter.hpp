#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "io/event.hpp"
#include "vlan/capture/recording.hpp"
#include "vlan/counters.hpp"

namespace charioteer::session {

/// Measures what passes through a VLAN between two calls.
class TrafficMeter {
public:
    explicit TrafficMeter(int vlan) : vlan_(vlan) {}

    /// The most senders of one event: those that have sent the most bytes.
    static constexpr std::size_t most_senders = 16;

    /// The event of kind `traffic` for what has passed since the last call, given the counters so
    /// far, and what each plug has sent so far; none if nothing has passed. Its details are
    /// `frames`, `bytes`, `dropped` unless it is 0, and a `sender` "NAME FRAMES BYTES" for each
    /// plug that has sent something.
    std::optional<io::Event> take(const vlan::Counters& counters,
                                  std::vector<vlan::capture::Sent> sent);

private:
    void add_senders(io::Event& event, std::vector<vlan::capture::Sent> sent);

    int vlan_;
    vlan::Counters last_;
    std::unordered_map<std::string, vlan::capture::Sent> last_sent_;  ///< by name
};

}  // namespace charioteer::session
