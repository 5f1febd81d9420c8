#include "vlan/capture/recording.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <iterator>
#include <new>
#include <set>
#include <utility>

#include "vlan/capture/clock_offset.hpp"

namespace charioteer::vlan::capture {

namespace {

constexpr std::size_t longest_comment = 1024;

/// In front of each record in a chunk; its comment and its frames follow.
struct Head {
    Time time;
    InterfaceId interface;
    std::uint32_t number;
    std::uint32_t comment_size;
    std::uint32_t frames_size;
};

/// The time since 1970 by the steady clock.
std::function<Time()> run_clock() {
    using namespace std::chrono;
    auto begin = moment_of([] { return nanoseconds(steady_clock::now().time_since_epoch()); },
                           [] { return nanoseconds(system_clock::now().time_since_epoch()); });
    return [shift = begin.wall - begin.steady] {
        nanoseconds now = steady_clock::now().time_since_epoch() + shift;
        return static_cast<Time>(now.count());
    };
}

std::uint64_t at(const FrameCounts& counts, InterfaceId interface) noexcept {
    return interface < counts.size() ? counts[interface] : 0;
}

/// Copies the frames, consecutive ones at once.
void copy_frames(std::byte* target, std::span<const Frame> frames) noexcept {
    Bytes run;
    for (auto frame : frames) {
        auto bytes = frame.with_length();
        if (run.data() + run.size() == bytes.data()) {
            run = {run.data(), run.size() + bytes.size()};
            continue;
        }
        target = std::copy(run.begin(), run.end(), target);
        run = bytes;
    }
    std::copy(run.begin(), run.end(), target);
}

}  // namespace

Recording::Recording(Settings settings) : settings_(std::move(settings)) {
    if (!settings_.now) settings_.now = run_clock();
    begin_ = settings_.now();
}

void Recording::keep() noexcept {
    if (!kept_.exchange(true)) on_.fetch_add(1, std::memory_order_relaxed);
}

InterfaceId Recording::interface(const std::string& name, const std::string& machine) {
    std::scoped_lock lock(mutex_, addresses_mutex_);
    auto place = std::find_if(interfaces_.begin(), interfaces_.end(),
                              [&](const Interface& each) { return each.name == name; });
    auto number = static_cast<InterfaceId>(place - interfaces_.begin());
    if (place == interfaces_.end()) {
        interfaces_.push_back({name, machine});
        counts_.resize(interfaces_.size());
        running_.emplace_back();
        addresses_.emplace_back();
    }
    return number;
}

void Recording::learn(InterfaceId from, Address address) {
    std::lock_guard lock(addresses_mutex_);
    for (auto& known : addresses_) known.forget(address);
    addresses_[from].learn(address);
}

std::vector<Interface> Recording::interfaces(InterfaceId from) const {
    std::lock_guard lock(mutex_);
    auto begin = std::min<std::size_t>(from, interfaces_.size());
    return {interfaces_.begin() + static_cast<std::ptrdiff_t>(begin), interfaces_.end()};
}

std::vector<Address> Recording::addresses(const std::string& machine) const {
    std::scoped_lock lock(mutex_, addresses_mutex_);
    std::vector<Address> result;
    for (InterfaceId each = 0; each < interfaces_.size(); ++each)
        if (interfaces_[each].machine == machine)
            std::ranges::copy(addresses_[each].values(), std::back_inserter(result));
    return result;
}

std::vector<std::string> Recording::machines() const {
    std::set<std::string> found;
    for (const auto& each : interfaces(0))
        if (!each.machine.empty()) found.insert(each.machine);
    return {found.begin(), found.end()};
}

void Recording::count(InterfaceId from, std::size_t frames, std::uint64_t bytes) noexcept {
    auto& running = running_[from];
    // There is one writer, so no atomic addition is needed.
    auto add = [](std::atomic<std::uint64_t>& value, std::uint64_t number) {
        value.store(value.load(std::memory_order_relaxed) + number, std::memory_order_relaxed);
    };
    add(running.frames, frames);
    add(running.bytes, bytes);
}

std::vector<Sent> Recording::sent() const {
    std::lock_guard lock(mutex_);
    std::vector<Sent> result;
    for (InterfaceId each = 0; each < interfaces_.size(); ++each)
        result.push_back({interfaces_[each].name,
                          running_[each].frames.load(std::memory_order_relaxed),
                          running_[each].bytes.load(std::memory_order_relaxed)});
    return result;
}

void Recording::add(InterfaceId from, std::span<const Frame> frames, std::string_view comment) {
    comment = comment.substr(0, longest_comment);
    auto time = settings_.now();
    while (!frames.empty()) {
        auto number = fitting(frames, comment.size());
        std::size_t missed = 0;
        if (number > 0) {
            append(from, frames.first(number), comment, time);
        } else if (current_ != nullptr && used_ == 0) {
            missed = 1;  // longer than a chunk
        } else if (!begin_chunk()) {
            missed = frames.size();
        }
        counts_[from] += number + missed;
        if (missed > 0) running_[from].missed.fetch_add(missed, std::memory_order_relaxed);
        frames = frames.subspan(number + missed);
    }
}

/// How many of `frames` fit into the current chunk as one record.
std::size_t Recording::fitting(std::span<const Frame> frames, std::size_t comment) const noexcept {
    auto needed = used_ + sizeof(Head) + comment;
    std::size_t number = 0;
    if (current_ == nullptr) return number;
    while (number < frames.size() &&
           (needed += frames[number].size + length_size) <= settings_.chunk_size)
        ++number;
    return number;
}

void Recording::append(InterfaceId from, std::span<const Frame> frames, std::string_view comment,
                       Time time) noexcept {
    std::size_t size = 0;
    for (auto frame : frames) size += frame.size + length_size;
    Head head{time, from, static_cast<std::uint32_t>(frames.size()),
              static_cast<std::uint32_t>(comment.size()), static_cast<std::uint32_t>(size)};
    auto* target = current_->bytes.get() + used_;
    std::memcpy(target, &head, sizeof head);
    if (!comment.empty()) std::memcpy(target + sizeof head, comment.data(), comment.size());
    copy_frames(target + sizeof head + comment.size(), frames);
    used_ += sizeof head + comment.size() + size;
    current_->size.store(used_, std::memory_order_release);
}

/// Begins a chunk, in place of the oldest one if the ring is full. False when it cannot without
/// waiting for a reader.
bool Recording::begin_chunk() noexcept {
    std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return false;
    try {
        std::shared_ptr<Chunk> chunk;
        if (chunks_.size() == settings_.chunks) {
            // Readers take chunks only while they have the lock, so it stays the last reference.
            if (chunks_.front().use_count() == 1) chunk = chunks_.front();
            chunks_.pop_front();
        }
        if (!chunk) chunk = std::make_shared<Chunk>(settings_.chunk_size);
        chunk->number = current_ == nullptr ? 0 : current_->number + 1;
        chunk->before = counts_;
        chunk->missed_before = missed();
        chunk->size.store(0, std::memory_order_relaxed);
        chunks_.push_back(chunk);
    } catch (const std::bad_alloc&) {
        return false;
    }
    current_ = chunks_.back().get();
    used_ = 0;
    return true;
}

/// To be called while the recording is locked, or by the segment's thread.
FrameCounts Recording::missed() const {
    FrameCounts result;
    for (const auto& each : running_) result.push_back(each.missed.load(std::memory_order_relaxed));
    return result;
}

Cursor::Cursor(std::shared_ptr<Recording> recording, Begin begin)
    : recording_(std::move(recording)), begin_(recording_->begin()) {
    recording_->on_.fetch_add(1, std::memory_order_relaxed);
    if (begin == Begin::oldest) return;
    begin_ = recording_->now();
    {
        std::lock_guard lock(recording_->mutex_);
        if (!recording_->chunks_.empty()) enter(recording_->chunks_.back());
    }
    stop_at_end();
    while (next()) {
    }
    end_.reset();
    before_ = counted_;
    lost_.clear();
}

Cursor::~Cursor() {
    recording_->on_.fetch_sub(1, std::memory_order_relaxed);
    std::lock_guard lock(recording_->mutex_);
    chunk_.reset();
}

std::optional<Record> Cursor::next() {
    do {
        if (offset_ < readable()) return read();
    } while (advance());
    return std::nullopt;
}

void Cursor::stop_at_end() {
    std::lock_guard lock(recording_->mutex_);
    const auto& chunks = recording_->chunks_;
    end_ = {0, 0};
    end_missed_ = recording_->missed();
    if (!chunks.empty()) end_ = {chunks.back()->number, chunks.back()->size.load()};
}

/// The size of the part of the current chunk that may be read.
std::size_t Cursor::readable() const noexcept {
    if (!chunk_ || (end_ && chunk_->number > end_->first)) return 0;
    auto size = chunk_->size.load(std::memory_order_acquire);
    return end_ && chunk_->number == end_->first ? std::min(size, end_->second) : size;
}

/// Goes to the next chunk. False if there is nothing more to read.
bool Cursor::advance() {
    std::lock_guard lock(recording_->mutex_);
    // Records may have been added between the last look at the size and the lock.
    if (offset_ < readable()) return true;
    const auto& chunks = recording_->chunks_;
    if (chunk_ && end_ && chunk_->number >= end_->first) {
        if (chunk_->number == end_->first) count_missed(end_missed_);
        return false;
    }
    auto first = chunks.empty() ? 0 : chunks.front()->number;
    auto following = chunk_ ? std::max(chunk_->number + 1, first) : first;
    if (chunks.empty() || following > chunks.back()->number) {
        // No chunk begins while the recording is locked, so none of these is in front of a later
        // one. Before the end they wait for the next chunk, since what takes time here makes the
        // segment's thread miss frames.
        if (end_) count_missed(end_missed_);
        return false;
    }
    enter(chunks[following - first]);
    return true;
}

/// Counts as lost those of `missed` that are not counted yet. Only in the last chunk: in front of
/// a later one, its counters have them.
void Cursor::count_missed(const FrameCounts& missed) {
    auto interfaces = std::max(missed.size(), counted_.size());
    for (auto* counts : {&counted_, &lost_, &missed_}) counts->resize(interfaces);
    for (InterfaceId each = 0; each < missed.size(); ++each) {
        auto more = std::max(missed[each], missed_[each]) - missed_[each];
        counted_[each] += more;
        lost_[each] += more;
        missed_[each] += more;
    }
}

/// To be called while the recording is locked.
void Cursor::enter(std::shared_ptr<Chunk> chunk) {
    auto interfaces = std::max(chunk->before.size(), counted_.size());
    counted_.resize(interfaces);
    lost_.resize(interfaces);
    for (InterfaceId each = 0; each < interfaces; ++each)
        lost_[each] += at(chunk->before, each) - counted_[each];
    counted_ = chunk->before;
    missed_ = chunk->missed_before;
    chunk_ = std::move(chunk);
    offset_ = 0;
}

Record Cursor::read() {
    const auto* bytes = chunk_->bytes.get() + offset_;
    Head head;
    std::memcpy(&head, bytes, sizeof head);
    bytes += sizeof head;
    std::string_view comment(reinterpret_cast<const char*>(bytes), head.comment_size);
    offset_ += sizeof head + head.comment_size + head.frames_size;
    if (counted_.size() <= head.interface) counted_.resize(head.interface + std::size_t{1});
    counted_[head.interface] += head.number;
    return {head.time, head.interface, comment, head.number,
            Bytes{bytes + head.comment_size, head.frames_size}};
}

std::uint64_t Cursor::passed(InterfaceId interface) const noexcept {
    return at(counted_, interface) - at(before_, interface);
}

std::uint64_t Cursor::lost(InterfaceId interface) const noexcept {
    return at(lost_, interface);
}

}  // namespace charioteer::vlan::capture
