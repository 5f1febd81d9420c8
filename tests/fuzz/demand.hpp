#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace charioteer::fuzz {

/// Ends the program, for libFuzzer to see, when what always holds does not.
inline void demand(bool holds) {
    if (!holds) std::abort();
}

/// What the fuzzer made up, taken from its front. Zeros when nothing is left.
class Input {
public:
    Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

    bool empty() const { return size_ == 0; }
    std::uint8_t byte() {
        if (size_ == 0) return 0;
        --size_;
        return *data_++;
    }
    /// `most` bytes, or what is left.
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

/// Calls `take` with `bytes`, at most `piece` of them at a time.
template <class Take>
void feed(std::string_view bytes, std::size_t piece, Take take) {
    for (; !bytes.empty(); bytes.remove_prefix(piece < bytes.size() ? piece : bytes.size()))
        take(bytes.substr(0, piece));
}

}  // namespace charioteer::fuzz
