#include "channel/agreement.hpp"

#include <algorithm>

#include "channel/codec.hpp"

namespace charioteer::channel {

namespace {

using namespace std::chrono_literals;

/// Between paddings: a guest that pretends losses must not cause more bytes than it sends.
constexpr auto padding_interval = 1s;
constexpr auto first_pause = 10s;
constexpr auto longest_pause = 10min;

}  // namespace

Agreement::Agreement(io::TimeSource& time) : time_(time), pauses_(first_pause, longest_pause) {}

std::string Agreement::hello(std::uint64_t nonce, bool reset, const frames::Progress& received) {
    frames::Hello hello{.version = frames::version,
                        .nonce = nonce,
                        .epoch = ++epoch_,
                        .flags = reset ? frames::Hello::reset : 0u,
                        .next = received.next,
                        .chain = received.chain};
    auto payload = encoded(hello);
    unsigned char header[frames::header_size];
    frames::write_header({.type = frames::Type::hello}, as_bytes(payload), header);
    return std::string(as_text(header)).append(payload);
}

std::string Agreement::request(bool reset, const frames::Progress& received, bool flushed) {
    resets_ = reset;
    first_epoch_ = epoch_ + 1;
    began_at_ = time_.now();
    pauses_.reset();
    return request_bytes(received, flushed);
}

std::string Agreement::repeat(const frames::Progress& received, bool flushed) {
    return request_bytes(received, flushed);
}

std::string Agreement::request_bytes(const frames::Progress& received, bool flushed) {
    auto now = time_.now();
    requested_at_ = now;
    pause_ = pauses_.next();
    if (flushed) padding_unsent_ = false;
    std::string bytes;
    // The agent may have lost the end of a frame; these bytes complete it.
    if (!padding_unsent_ && (!padded_at_ || now - *padded_at_ >= padding_interval)) {
        padded_at_ = now;
        padding_unsent_ = true;
        bytes.assign(frames::max_frame, '\0');
    }
    return bytes.append(hello(0, resets_, received));
}

void Agreement::reset_pauses() {
    began_at_ = time_.now();
    pauses_.reset();
    pause_ = first_pause;
    padded_at_.reset();
}

void Agreement::handle_other(const frames::Hello& hello) {
    // Modulo 2^32, since epochs wrap around.
    if (hello.epoch - first_epoch_ >= epoch_ - first_epoch_) return;
    requested_at_ = time_.now();
    auto slow = std::min<io::Duration>(2 * (requested_at_ - began_at_), longest_pause);
    pause_ = std::max(pause_, slow);
}

}  // namespace charioteer::channel
