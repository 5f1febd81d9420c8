#include "vlan/fault/random.hpp"

namespace charioteer::vlan::fault {

namespace {

std::uint64_t mixed(std::uint64_t value) noexcept {
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
}

}  // namespace

std::uint64_t Random::next() noexcept {
    state_ += 0x9e3779b97f4a7c15;
    return mixed(state_);
}

double Random::fraction() noexcept {
    // The 53 bits that a double can hold.
    return static_cast<double>(next() >> 11) * 0x1p-53;
}

std::uint64_t derived_seed(std::uint64_t seed, std::initializer_list<std::string_view> names) {
    auto result = mixed(seed + 1);
    for (auto name : names) {
        // FNV-1a of each name, with its length so that ("ab", "c") differs from ("a", "bc").
        std::uint64_t hash = 0xcbf29ce484222325 ^ name.size();
        for (char character : name)
            hash = (hash ^ static_cast<unsigned char>(character)) * 0x100000001b3;
        result = mixed(result ^ hash);
    }
    return result;
}

}  // namespace charioteer::vlan::fault
