#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "vlan/frame.hpp"

namespace charioteer::vlan::capture {

/// The latest Ethernet addresses of a sender, which may use any number of them. Not thread-safe.
class LatestAddresses {
public:
    static constexpr std::size_t most = 64;

    /// Makes `address` the latest one. When there are more than `most`, the oldest is forgotten.
    void learn(Address address) {
        if (!addresses_.empty() && addresses_.back() == address) return;
        forget(address);
        if (addresses_.size() == most) addresses_.erase(addresses_.begin());
        addresses_.push_back(address);
    }

    void forget(Address address) { std::erase(addresses_, address); }

    bool contains(Address address) const {
        return std::find(addresses_.begin(), addresses_.end(), address) != addresses_.end();
    }

    /// The latest one last.
    const std::vector<Address>& values() const { return addresses_; }

private:
    std::vector<Address> addresses_;
};

}  // namespace charioteer::vlan::capture
