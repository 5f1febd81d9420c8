#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace charioteer::fuzz {

/// Aborts, which libFuzzer reports, when an invariant does not hold.
inline void require(bool holds) {
    if (!holds) std::abort();
}

/// The fuzzer's input, consumed from the front. Zeros when it is used up.
class Input {
public:
    Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

    bool empty() const { return size_ == 0; }
    std::uint8_t byte() {
        if (size_ == 0) return 0;
        --size_;
        return *data_++;
    }
    /// `most` bytes, or the rest if it is shorter.
    const std::uint8_t* bytes(std::size_t most, std::size_t& taken) {
        taken = most < size_ ? most : size_;
        const auto* begin = data_;
        data_ += taken;
        size_ -= taken;
        return begin;
    }
    std::string_view text(std::size_t most) {
        std::size_t taken = 0;
        const auto* begin = bytes(most, taken);
        return {reinterpret_cast<const char*>(begin), taken};
    }
    std::string_view rest() { return text(size_); }

private:
    const std::uint8_t* data_;
    std::size_t size_;
};

/// Calls `take` with consecutive pieces of `bytes` of `piece` bytes each.
template <class Take>
void feed(std::string_view bytes, std::size_t piece, Take take) {
    for (; !bytes.empty(); bytes.remove_prefix(piece < bytes.size() ? piece : bytes.size()))
        take(bytes.substr(0, piece));
}

}  // namespace charioteer::fuzz
