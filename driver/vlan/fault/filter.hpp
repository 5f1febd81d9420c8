#pragma once

#include <memory>
#include <string>

#include "vlan/frame.hpp"

namespace charioteer::vlan::fault {

/// A capture filter as tcpdump takes it, such as "udp port 41641" (pcap-filter(7)), compiled by
/// libpcap. Immutable: any thread.
class Filter {
public:
    /// The longest expression, in bytes.
    static constexpr std::size_t max_size = 4096;

    /// Throws io::UsageError with libpcap's reason. May ask the host's resolver, if the expression
    /// has names of hosts.
    explicit Filter(const std::string& expression);
    ~Filter();
    Filter(const Filter&) = delete;
    Filter& operator=(const Filter&) = delete;

    bool matches(Bytes frame) const noexcept;

private:
    struct Program;
    std::unique_ptr<Program> program_;
};

}  // namespace charioteer::vlan::fault
