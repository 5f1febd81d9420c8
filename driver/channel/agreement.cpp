// How both ends of the line find out what the other has heard, after frames may have been lost.

#include <fmt/format.h>

#include "channel/exchange.hpp"

namespace charioteer::channel {

namespace {

using namespace std::chrono_literals;

constexpr auto went_back =
    "the guest went back to an earlier state, as a snapshot does that is loaded, while the command "
    "was under way";
/// How often that may be without a frame in between.
constexpr int most_steps_lost = 8;
/// A guest that only feigns losses is not to have more sent than it sends.
constexpr auto padding_interval = 1s;

}  // namespace

void Exchange::send_hello(std::uint64_t nonce, bool anew) {
    frames::Hello hello{.version = frames::version,
                        .nonce = nonce,
                        .epoch = ++epoch_,
                        .flags = anew ? frames::Hello::anew : 0u,
                        .next = progress_.next,
                        .chain = progress_.chain};
    unsigned char room[64];
    auto payload = frames::encode(hello, room);
    unsigned char header[frames::header_size];
    frames::write_header({.type = frames::Type::hello}, payload, header);
    std::string bytes(reinterpret_cast<const char*>(header), sizeof header);
    send_(bytes.append(payload.begin(), payload.end()));
}

void Exchange::resynchronise() {
    padded_at_.reset();
    if (usable()) agree(state_ == State::agreeing && anew_);
}

void Exchange::agree(bool anew) {
    state_ = State::agreeing;
    anew_ = anew;
    // The agent may have lost the end of a frame, and takes this for it.
    if (!padded_at_ || time_.now() - *padded_at_ >= padding_interval) {
        padded_at_ = time_.now();
        send_(std::string(frames::max_frame, '\0'));
    }
    send_hello(0, anew);
}

void Exchange::lose_step() {
    if (++steps_lost_ > most_steps_lost)
        return lose("frames are lost on the agent's line again and again");
    agree(false);
}

void Exchange::take_hello(frames::Bytes payload) {
    frames::Hello hello;
    if (!frames::decode(payload, hello)) return;
    bool expecting = state_ == State::expecting;
    // The first hello of an agent answers none.
    bool answers = hello.epoch == epoch_;
    if (expecting && nonce_ != 0 && hello.nonce != nonce_) return;
    if (expecting ? nonce_ == 0 && !answers && hello.epoch != 0 : !answers) return;
    if (hello.version != frames::version)
        return lose(fmt::format("it speaks version {} of the protocol, not {}", hello.version,
                                frames::version));
    peer_ = {hello.version, hello.program_size, hello.program_checksum};
    if (expecting)
        greet_expected(hello);
    else
        take_agreement(hello);
}

void Exchange::greet_expected(const frames::Hello& hello) {
    // One that answers adopt() has begun anew; what its earlier commands write may follow at once.
    bool has_begun = nonce_ == 0 && hello.epoch == epoch_;
    nonce_ = hello.nonce;
    had_agent_ = true;
    noise_ = 0;
    steps_lost_ = 0;
    begin_anew();
    if (!has_begun) send_hello(nonce_, true);
    continue_from(0);
}

/// The agent said how far it has heard us, and whether it can go on from where we wait.
void Exchange::take_agreement(const frames::Hello& hello) {
    bool same = hello.nonce == nonce_;
    nonce_ = hello.nonce;
    bool continues = (hello.flags & frames::Hello::continues) != 0 &&
                     kept_.can_continue({.next = hello.next, .chain = hello.chain});
    if (anew_ || (same && continues)) return continue_from(anew_ ? 0 : hello.next);
    go_back();
}

void Exchange::begin_anew() {
    progress_ = {};
    not_acked_ = 0;
    orphans_ = 0;
    kept_.restart([this](std::uint32_t stream) {
        auto entry = streams_.find(stream);
        return entry != streams_.end() && !entry->second.sent;
    });
}

void Exchange::continue_from(std::uint32_t next) {
    state_ = State::usable;
    for (auto& [stream, entry] : streams_) entry.sent = true;
    auto bytes = kept_.from(next);
    if (!bytes.empty()) send_(bytes);
    changed_.notify_all();
}

/// What was sent to the agent that there was is lost with it; what still waits is sent to this one.
void Exchange::go_back() {
    auto before = std::move(streams_);
    streams_.clear();
    for (auto& [stream, entry] : before) {
        if (!entry.sent)
            streams_[stream] = std::move(entry);
        else if (auto call = entry.call.lock())
            call->lose(went_back);
    }
    begin_anew();
    agree(true);
    gone_back_();
}

}  // namespace charioteer::channel
