#include "vlan/stream.hpp"

#include <cstring>

namespace charioteer::vlan {

std::span<std::byte> StreamBuffer::room() {
    // What is left of a record is moved to the begin, so that the rest of it and min_room fit
    // behind it.
    if (begin_ != 0) {
        std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    return {buffer_.get() + end_, capacity - end_};
}

StreamDecoder::Health StreamDecoder::decode(std::vector<Frame>& frames) {
    auto unread = buffer_.unread();
    auto size = unread.size();
    auto health = Health::good;
    while (unread.size() >= length_size) {
        std::size_t length = read_length(unread.data());
        if (length > max_frame_size) health = Health::oversized;
        if (length > max_frame_size || unread.size() < length_size + length) break;
        frames.push_back({unread.data() + length_size, length});
        unread = unread.subspan(length_size + length);
    }
    buffer_.take(size - unread.size());
    return health;
}

}  // namespace charioteer::vlan
