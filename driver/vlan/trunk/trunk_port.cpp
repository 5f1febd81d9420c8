#include "vlan/trunk/trunk_port.hpp"

#include <cerrno>

#include "io/error.hpp"

namespace charioteer::vlan::trunk {

namespace {

/// Names that wait for a slow trunk; then the oldest is not sent.
constexpr std::size_t max_waiting = 4096;

}  // namespace

TrunkPort::TrunkPort(io::UniqueFd input, io::UniqueFd output, LiveCounters& counters,
                     const Hello& own, Events events)
    : StreamWriter(std::move(input), std::move(output), counters),
      decoder_(std::move(events.refuse)),
      events_(std::move(events)) {
    waiting_.push_back(encode(own));
    TrunkPort::drain();
}

Port::Link TrunkPort::receive(std::vector<Frame>& frames) {
    auto length = receive_into(decoder_.room());
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return Link::up;
    if (length <= 0) {
        // Reset: the other side has closed it without reading all.
        bool is_end = length == 0 || errno == ECONNRESET;
        reason_ = is_end ? decoder_.end() : io::system_error("it cannot be read", errno).what();
        return Link::down;
    }
    decoder_.received(static_cast<std::size_t>(length));
    names_.clear();
    reason_ = decoder_.decode(frames, names_);
    for (const auto& name : names_)
        if (reason_.empty()) reason_ = events_.named(name);
    return reason_.empty() ? Link::up : Link::broken;
}

void TrunkPort::announce(const Name& name) {
    auto record = encode(name);
    if (record.empty()) return;
    if (waiting_.size() == max_waiting) waiting_.pop_front();
    waiting_.push_back(std::move(record));
    drain();
}

void TrunkPort::drain() {
    enqueue_records();
    StreamWriter::drain();
    // There may be room now.
    if (!waiting_.empty()) enqueue_records();
}

void TrunkPort::enqueue_records() {
    while (!waiting_.empty() && queue().append(std::as_bytes(std::span(waiting_.front()))))
        waiting_.pop_front();
}

}  // namespace charioteer::vlan::trunk
