#include "vlan/fault/packet.hpp"

#include <cstring>

namespace charioteer::vlan::fault {

void Packet::own() {
    if (!storage) copy();
}

void Packet::invert(std::size_t bit) {
    copy();
    storage[length_size + bit / 8] ^= std::byte{1} << (bit % 8);
}

void Packet::copy() {
    auto bytes = frame.with_length();
    std::shared_ptr<std::byte[]> made(new std::byte[bytes.size()]);
    std::memcpy(made.get(), bytes.data(), bytes.size());
    frame.data = made.get() + length_size;
    storage = std::move(made);
}

}  // namespace charioteer::vlan::fault
