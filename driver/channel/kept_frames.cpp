#include "channel/kept_frames.hpp"

#include <algorithm>
#include <utility>

namespace charioteer::channel {

namespace {

frames::Bytes as_bytes(std::string_view text) {
    return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

}  // namespace

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

bool KeptFrames::can_continue(const frames::Progress& heard) const {
    if (heard == end_) return true;
    return std::any_of(kept_.begin(), kept_.end(),
                       [&](const Frame& frame) { return frame.before == heard; });
}

std::string KeptFrames::from(std::uint32_t next) const {
    auto more = std::min<std::size_t>(end_.next - next, kept_.size());
    std::string bytes;
    for (auto frame = kept_.end() - static_cast<std::ptrdiff_t>(more); frame != kept_.end();
         ++frame)
        bytes += frame->bytes;
    return bytes;
}

void KeptFrames::restart(const std::function<bool(std::uint32_t stream)>& wanted) {
    auto before = std::exchange(kept_, {});
    end_ = {};
    for (const auto& frame : before)
        if (wanted(frame.stream))
            add(frame.type, frame.stream,
                std::string_view(frame.bytes).substr(frames::header_size));
}

}  // namespace charioteer::channel
