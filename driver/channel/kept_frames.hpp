#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "frames/frame.hpp"

namespace charioteer::channel {

/// The frames to the agent, numbered, each kept until the agent says that it has it: a guest that
/// is suspended loses what is on its way. Without I/O.
class KeptFrames {
public:
    /// Numbers the next frame and keeps it; its bytes, valid until the next call.
    const std::string& add(frames::Type type, std::uint32_t stream, std::string_view payload);
    /// The agent has all frames before this one; another number than one of those kept is ignored.
    void acknowledge(std::uint32_t next);
    /// Whether an agent that heard so much has heard frames from here, and what it lacks is kept.
    bool can_continue(const frames::Progress& heard) const;
    /// The bytes of all frames from this number on.
    std::string from(std::uint32_t next) const;
    /// Counts from 0 again, with those frames of before whose stream is `wanted`.
    void restart(const std::function<bool(std::uint32_t stream)>& wanted);

    /// Takes out the frames of a stream, and numbers those behind them anew. Nothing of these may
    /// have been sent.
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
