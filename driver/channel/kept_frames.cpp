#include "channel/kept_frames.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "channel/codec.hpp"

namespace charioteer::channel {

const std::string& KeptFrames::add(frames::Type type, std::uint32_t stream,
                                   std::string_view payload) {
    std::string bytes(frames::header_size, '\0');
    auto* header = reinterpret_cast<unsigned char*>(bytes.data());
    frames::write_header(
        {.type = type, .stream = stream, .sequence = end_.next}, as_bytes(payload),
        std::span<unsigned char, frames::header_size>(header, frames::header_size));
    bytes.append(payload);
    auto before = end_;
    end_.pass(as_bytes(bytes).data());
    kept_.push_back({type, stream, std::move(bytes), before});
    return kept_.back().bytes;
}

void KeptFrames::acknowledge(std::uint32_t next) {
    auto more = end_.next - next;  // frames after it
    if (more > kept_.size()) return;
    kept_.erase(kept_.begin(), kept_.end() - static_cast<std::ptrdiff_t>(more));
}

bool KeptFrames::can_continue(const frames::Progress& received) const {
    if (received == end_) return true;
    return std::any_of(kept_.begin(), kept_.end(),
                       [&](const Frame& frame) { return frame.before == received; });
}

std::string KeptFrames::from(std::uint32_t next) const {
    auto more = std::min<std::size_t>(end_.next - next, kept_.size());
    std::string bytes;
    for (auto frame = kept_.end() - static_cast<std::ptrdiff_t>(more); frame != kept_.end();
         ++frame)
        bytes += frame->bytes;
    return bytes;
}

void KeptFrames::forget(std::uint32_t stream) {
    auto first = std::find_if(kept_.begin(), kept_.end(),
                              [&](const Frame& frame) { return frame.stream == stream; });
    if (first == kept_.end()) return;
    end_ = first->before;
    std::vector<Frame> behind(std::make_move_iterator(first), std::make_move_iterator(kept_.end()));
    kept_.erase(first, kept_.end());
    add_again(behind, [&](std::uint32_t each) { return each != stream; });
}

void KeptFrames::restart(const std::function<bool(std::uint32_t stream)>& wanted) {
    std::vector<Frame> before(std::make_move_iterator(kept_.begin()),
                              std::make_move_iterator(kept_.end()));
    kept_.clear();
    end_ = {};
    add_again(before, wanted);
}

void KeptFrames::add_again(const std::vector<Frame>& frames,
                           const std::function<bool(std::uint32_t stream)>& wanted) {
    for (const auto& frame : frames)
        if (wanted(frame.stream))
            add(frame.type, frame.stream,
                std::string_view(frame.bytes).substr(frames::header_size));
}

}  // namespace charioteer::channel
