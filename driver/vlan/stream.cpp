#include "vlan/stream.hpp"

#include <cstring>

namespace charioteer::vlan {

std::span<std::byte> StreamDecoder::room() {
    // After decode() less than one frame is left: it is moved to the begin, so that the rest of it
    // and min_room fit behind it.
    if (begin_ != 0) {
        std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    return {buffer_.get() + end_, capacity - end_};
}

StreamDecoder::Health StreamDecoder::decode(std::vector<Frame>& frames) {
    while (end_ - begin_ >= length_size) {
        std::size_t length = read_length(buffer_.get() + begin_);
        if (length > max_frame_size) return Health::oversized;
        if (end_ - begin_ < length_size + length) break;
        frames.push_back({buffer_.get() + begin_ + length_size, length});
        begin_ += length_size + length;
    }
    return Health::good;
}

}  // namespace charioteer::vlan
