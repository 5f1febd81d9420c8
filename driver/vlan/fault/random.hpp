#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace charioteer::vlan::fault {

/// Random numbers that depend on the seed only, on every platform and with every standard library
/// (the algorithm is SplitMix64). Eight bytes, because each link of a fault has a generator.
class Random {
public:
    explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

    std::uint64_t next() noexcept;
    /// At least 0 and less than 1.
    double fraction() noexcept;
    /// True with this probability, 0 to 1. Always takes one number.
    bool chance(double probability) noexcept { return fraction() < probability; }

private:
    std::uint64_t state_;
};

/// A seed that depends on `seed` and on every one of `names`, and on their order.
std::uint64_t derived_seed(std::uint64_t seed, std::initializer_list<std::string_view> names);

}  // namespace charioteer::vlan::fault
