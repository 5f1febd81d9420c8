#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "vlan/capture/recording.hpp"

namespace charioteer::vlan::capture::fakes {

/// Frames as ports receive them, with their lengths in front of them.
class Batch {
public:
    /// With `apart`, each frame has a gap in memory in front of it, as those of datagrams.
    explicit Batch(const std::vector<std::string>& texts, bool apart = false) {
        std::size_t gap = apart ? 8 : 0;
        std::size_t size = 0;
        for (const auto& text : texts) size += gap + length_size + text.size();
        bytes_.resize(size);
        auto* place = bytes_.data();
        for (const auto& text : texts) {
            place += gap;
            write_length(place, text.size());
            place += length_size;
            std::memcpy(place, text.data(), text.size());
            frames_.push_back({place, text.size()});
            place += text.size();
        }
    }

    operator std::span<const Frame>() const { return frames_; }

private:
    std::vector<std::byte> bytes_;
    std::vector<Frame> frames_;
};

/// A frame from one address to another, which are named by a byte.
inline std::string frame(char to, char from, const std::string& text) {
    auto address = [](char name) { return std::string{2, 0, 0, 0, 0, name}; };
    return address(to) + address(from) + std::string("\x08\x00", 2) + text;
}

/// A recording whose clock shows how often it was read.
inline std::shared_ptr<Recording> counting_recording(Recording::Settings settings = {}) {
    settings.now = [time = Time{0}]() mutable { return ++time; };
    return std::make_shared<Recording>(std::move(settings));
}

}  // namespace charioteer::vlan::capture::fakes
