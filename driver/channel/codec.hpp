#pragma once

#include <string>
#include <string_view>

#include "channel/call.hpp"
#include "frames/messages.hpp"

/// Converts between commands and outcomes and the payloads of frames. No I/O here.
namespace charioteer::channel {

inline std::string_view as_text(frames::Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline frames::Bytes as_bytes(std::string_view text) {
    return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

inline bool carries_output(const frames::Header& header) {
    return header.type == frames::Type::output || header.type == frames::Type::errors;
}

/// The payload with the fields of `message`.
template <class Message>
std::string encoded(const Message& message) {
    unsigned char room[64];
    return std::string(as_text(frames::encode(message, room)));
}

/// The fields of `exec`, which the command's text follows. `output_window` as of Channel::start(),
/// `holder_limit` as in Settings.
frames::Exec exec_of(const command::Command& command, std::uint32_t output_window,
                     io::Duration holder_limit);
command::Outcome outcome_of(const frames::Exit& exit);
/// For an exit whose `held` is not 0.
HeldOutput::State held_state_of(const frames::Exit& exit);

}  // namespace charioteer::channel
