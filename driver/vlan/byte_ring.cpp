#include "vlan/byte_ring.hpp"

#include <algorithm>
#include <cstring>

namespace charioteer::vlan {

bool ByteRing::append(Bytes bytes) {
    if (bytes.size() > capacity_ - size_) return false;
    // Not value-initialised, so that unused pages are not allocated.
    if (!storage_) storage_.reset(new std::byte[capacity_]);
    auto end = (begin_ + size_) % capacity_;
    auto first = std::min(bytes.size(), capacity_ - end);
    std::memcpy(storage_.get() + end, bytes.data(), first);
    std::memcpy(storage_.get(), bytes.data() + first, bytes.size() - first);
    size_ += bytes.size();
    return true;
}

std::array<Bytes, 2> ByteRing::view(std::size_t offset, std::size_t length) const noexcept {
    auto start = (begin_ + offset) % capacity_;
    auto first = std::min(length, capacity_ - start);
    return {Bytes{storage_.get() + start, first}, Bytes{storage_.get(), length - first}};
}

void ByteRing::consume(std::size_t length) noexcept {
    size_ -= length;
    // An empty queue restarts at the front, whose memory is in the cache.
    begin_ = size_ == 0 ? 0 : (begin_ + length) % capacity_;
}

}  // namespace charioteer::vlan
