#include "channel/agreement.hpp"

#include <algorithm>

#include "channel/codec.hpp"

namespace charioteer::channel {

namespace {

using namespace std::chrono_literals;

/// A guest that only feigns losses is not to have more sent than it sends.
constexpr auto padding_interval = 1s;
constexpr auto first_pause = 10s;
constexpr auto longest_pause = 10min;

}  // namespace

Agreement::Agreement(io::TimeSource& time) : time_(time), pauses_(first_pause, longest_pause) {}

std::string Agreement::hello(std::uint64_t nonce, bool anew, const frames::Progress& heard) {
    frames::Hello hello{.version = frames::version,
                        .nonce = nonce,
                        .epoch = ++epoch_,
                        .flags = anew ? frames::Hello::anew : 0u,
                        .next = heard.next,
                        .chain = heard.chain};
    auto payload = encoded(hello);
    unsigned char header[frames::header_size];
    frames::write_header({.type = frames::Type::hello}, as_bytes(payload), header);
    return std::string(as_text(header)).append(payload);
}

std::string Agreement::ask(bool anew, const frames::Progress& heard, bool flushed) {
    anew_ = anew;
    first_epoch_ = epoch_ + 1;
    began_at_ = time_.now();
    pauses_.reset();
    return question(heard, flushed);
}

std::string Agreement::repeat(const frames::Progress& heard, bool flushed) {
    return question(heard, flushed);
}

std::string Agreement::question(const frames::Progress& heard, bool flushed) {
    auto now = time_.now();
    asked_at_ = now;
    pause_ = pauses_.next();
    if (flushed) padding_unsent_ = false;
    std::string bytes;
    // The agent may have lost the end of a frame, and takes this for it.
    if (!padding_unsent_ && (!padded_at_ || now - *padded_at_ >= padding_interval)) {
        padded_at_ = now;
        padding_unsent_ = true;
        bytes.assign(frames::max_frame, '\0');
    }
    return bytes.append(hello(0, anew_, heard));
}

void Agreement::reset_pauses() {
    began_at_ = time_.now();
    pauses_.reset();
    pause_ = first_pause;
    padded_at_.reset();
}

void Agreement::take_other(const frames::Hello& hello) {
    // Modulo 2^32, as epochs count.
    if (hello.epoch - first_epoch_ >= epoch_ - first_epoch_) return;
    asked_at_ = time_.now();
    auto slow = std::min<io::Duration>(2 * (asked_at_ - began_at_), longest_pause);
    pause_ = std::max(pause_, slow);
}

}  // namespace charioteer::channel
