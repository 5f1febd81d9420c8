#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "frames/frame.hpp"

namespace charioteer::channel {

/// Where a call sends its frames. Io thread only.
class FrameSink {
public:
    virtual ~FrameSink() = default;
    virtual void send(frames::Type type, std::uint32_t stream, std::string_view payload) = 0;
    /// The agent may send `bytes` more of the command's output.
    virtual void give_credit(std::uint32_t stream, std::size_t bytes) = 0;
    /// Ends the command; one that was not sent yet is never sent.
    virtual void cancel(std::uint32_t stream) = 0;
};

}  // namespace charioteer::channel
