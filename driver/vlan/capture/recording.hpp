#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vlan/capture/latest_addresses.hpp"
#include "vlan/capture/pcapng.hpp"
#include "vlan/frame.hpp"

namespace charioteer::vlan::capture {

using pcapng::Time;

/// The number of an interface of a recording, from 0.
using InterfaceId = std::uint32_t;
/// Numbers of frames by interface. Interfaces after its end have had none.
using FrameCounts = std::vector<std::uint64_t>;

/// What frames come from.
struct Interface {
    std::string name;
    std::string machine;  ///< whose card it is; empty: of none
};

/// What an interface has sent so far.
struct Sent {
    std::string name;  ///< of the interface
    std::uint64_t frames = 0;
    std::uint64_t bytes = 0;
};

/// A part of a recording, written from its begin to its end.
struct Chunk {
    explicit Chunk(std::size_t capacity) : bytes(new std::byte[capacity]) {}

    std::uint64_t number = 0;  ///< its place in the recording, from 0
    std::unique_ptr<std::byte[]> bytes;
    std::atomic<std::size_t> size{0};  ///< the complete records; what follows is not to be read
    FrameCounts before;                ///< the frames in front of this chunk, kept or not
    FrameCounts missed_before;         ///< of these, those that were never added to a chunk
};

/// Frames of one interface that were received together.
struct Record {
    Time time = 0;
    InterfaceId interface = 0;
    std::string_view comment;  ///< about all frames; empty: none
    std::uint32_t number = 0;  ///< of frames
    Bytes frames;              ///< each as Frame::with_length()
};

/// The last frames of a segment: a ring of chunks. The segment's thread adds frames while a Cursor
/// exists, or after keep(); other threads follow it, each with a Cursor of its own.
///
/// Adding never waits for a reader. One that is slower than the ring is overtaken, and the frames
/// that it misses are counted. Memory: that of the ring, and one chunk for each reader.
class Recording {
public:
    struct Settings {
        std::size_t chunk_size = 256 << 10;  ///< bytes; longer frames are not kept, but counted
        std::size_t chunks = 64;             ///< how many the ring has
        /// The time of frames. Default: the system's time when the recording began, and what a
        /// steady clock has measured since then, as in the trace of a run.
        std::function<Time()> now = {};
    };

    explicit Recording(Settings settings);
    Recording(const Recording&) = delete;
    Recording& operator=(const Recording&) = delete;

    // For the segment's thread.

    /// Whether frames are to be added.
    bool is_on() const noexcept { return on_.load(std::memory_order_relaxed) != 0; }
    /// The interface of this name, a new one if there is none. `machine`: as in Interface.
    InterfaceId interface(const std::string& name, const std::string& machine = {});
    /// Remembers that the station behind `from`, and no other one, has `address`. Of each
    /// interface, the latest 64 are remembered. To be called also while no frames are added.
    void learn(InterfaceId from, Address address);
    /// Adds frames that the station behind `from` has sent. Only the first 1024 bytes of `comment`
    /// are kept.
    void add(InterfaceId from, std::span<const Frame> frames, std::string_view comment = {});

    /// Counts what `from` has sent. To be called also while no frames are added.
    void count(InterfaceId from, std::size_t frames, std::uint64_t bytes) noexcept;

    // For any thread.

    /// What each interface has sent, in the order of their numbers.
    std::vector<Sent> sent() const;
    /// From now on, frames are to be added also while there is no Cursor. Idempotent.
    void keep() noexcept;
    Time begin() const noexcept { return begin_; }
    Time now() const { return settings_.now(); }
    /// The interfaces from number `from` on.
    std::vector<Interface> interfaces(InterfaceId from) const;
    /// The addresses that were learned of the cards of `machine`.
    std::vector<Address> addresses(const std::string& machine) const;
    /// The machines that have or had an interface, each once.
    std::vector<std::string> machines() const;

private:
    struct Running {
        std::atomic<std::uint64_t> missed{0};  ///< frames that were not added
        std::atomic<std::uint64_t> frames{0};  ///< as in Sent
        std::atomic<std::uint64_t> bytes{0};
    };

    friend class Cursor;
    using Position = std::pair<std::uint64_t, std::size_t>;  ///< chunk and offset in it

    std::size_t fitting(std::span<const Frame> frames, std::size_t comment) const noexcept;
    void append(InterfaceId from, std::span<const Frame> frames, std::string_view comment,
                Time time) noexcept;
    bool begin_chunk() noexcept;
    FrameCounts missed() const;

    Settings settings_;
    Time begin_;
    std::atomic<int> on_{0};  ///< the reasons to record: keep(), and each Cursor
    std::atomic<bool> kept_{false};
    // Of the segment's thread.
    Chunk* current_ = nullptr;
    std::size_t used_ = 0;  ///< the size of `current_`
    FrameCounts counts_;
    mutable std::mutex mutex_;  ///< protects what follows
    std::deque<std::shared_ptr<Chunk>> chunks_;
    std::vector<Interface> interfaces_;
    std::deque<Running> running_;  ///< by interface; the numbers are written without the lock
    /// Protects what follows, apart from `mutex_` because readers hold it rarely: the segment's
    /// thread waits for it.
    mutable std::mutex addresses_mutex_;
    std::vector<LatestAddresses> addresses_;  ///< by interface
};

/// A place in a recording, from which one thread reads.
class Cursor {
public:
    enum class Begin {
        oldest,  ///< at the begin of the ring
        now,     ///< after all frames that were added
    };

    Cursor(std::shared_ptr<Recording> recording, Begin begin);
    Cursor(const Cursor&) = delete;
    Cursor& operator=(const Cursor&) = delete;
    ~Cursor();

    Recording& recording() const noexcept { return *recording_; }
    /// When the frames begin that read() returns.
    Time begin() const noexcept { return begin_; }
    /// The next record, valid until the next call; none if all have been read.
    std::optional<Record> next();
    /// From now on, frames that are added later are not read.
    void stop_at_end();

    /// The frames of an interface since begin() that were returned or missed; and those missed.
    /// Frames that were never added are counted with the next chunk, or at the end after
    /// stop_at_end().
    std::uint64_t passed(InterfaceId interface) const noexcept;
    std::uint64_t lost(InterfaceId interface) const noexcept;

private:
    bool advance();
    void count_missed(const FrameCounts& missed);
    std::size_t readable() const noexcept;
    void enter(std::shared_ptr<Chunk> chunk);
    Record read();

    std::shared_ptr<Recording> recording_;
    std::shared_ptr<Chunk> chunk_;  ///< taken and given back only while the recording is locked
    std::size_t offset_ = 0;
    std::optional<Recording::Position> end_;
    Time begin_;
    FrameCounts before_;   ///< the frames in front of begin()
    FrameCounts counted_;  ///< the frames in front of this place
    FrameCounts lost_;
    FrameCounts missed_;      ///< of all that were not added, those in `counted_`
    FrameCounts end_missed_;  ///< those that were not added in front of `end_`
};

}  // namespace charioteer::vlan::capture
