#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "vlan/frame.hpp"

namespace charioteer::vlan {

/// A bounded FIFO queue of bytes. Allocates its memory at the first append and keeps it.
class ByteRing {
public:
    explicit ByteRing(std::size_t capacity) : capacity_(capacity) {}

    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }

    /// Appends all of `bytes`, or returns false if they do not fit.
    bool append(Bytes bytes);

    /// `length` bytes from `offset` (counted from the oldest byte) on, in one or two pieces. The
    /// range must lie within size().
    std::array<Bytes, 2> view(std::size_t offset, std::size_t length) const noexcept;

    /// Removes the oldest `length` bytes.
    void consume(std::size_t length) noexcept;

private:
    std::size_t capacity_;
    std::size_t begin_ = 0;
    std::size_t size_ = 0;
    std::unique_ptr<std::byte[]> storage_;
};

}  // namespace charioteer::vlan
