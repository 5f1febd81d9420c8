#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "frames/frame.hpp"

namespace charioteer::channel {

/// The frames to the agent, numbered. Each is kept until the agent has acknowledged it, since a
/// guest that is suspended loses frames that are under way. No I/O here.
class KeptFrames {
public:
    /// Numbers the next frame and keeps it; its bytes, valid until the next call.
    const std::string& add(frames::Type type, std::uint32_t stream, std::string_view payload);
    /// The agent has received all frames before this one. Ignored for a frame that is not kept.
    void acknowledge(std::uint32_t next);
    /// Whether `received` is a position in these frames, and all frames after it are kept.
    bool can_continue(const frames::Progress& received) const;
    /// The bytes of all frames from this number on.
    std::string from(std::uint32_t next) const;
    /// Counts from 0 again; keeps the frames whose stream is `wanted`.
    void restart(const std::function<bool(std::uint32_t stream)>& wanted);

    /// Removes the frames of a stream, and renumbers those after them, none of which may have been
    /// sent.
    void forget(std::uint32_t stream);

    std::size_t size() const noexcept { return kept_.size(); }

private:
    struct Frame {
        frames::Type type{};
        std::uint32_t stream = 0;
        std::string bytes;
        frames::Progress before;
    };

    void add_again(const std::vector<Frame>& frames,
                   const std::function<bool(std::uint32_t stream)>& wanted);

    std::deque<Frame> kept_;
    frames::Progress end_;
};

}  // namespace charioteer::channel
