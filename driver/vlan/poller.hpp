#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <span>

#include "io/unique_fd.hpp"

namespace charioteer::vlan {

/// What a descriptor that became ready belongs to.
struct Source {
    enum class Kind : std::uint32_t { wake, vde_listener, stream_listener, control, port };
    Kind kind = Kind::wake;
    std::uint32_t index = 0;
};

/// The descriptors that a segment waits for, level-triggered. Segment's thread only, except wake().
class Poller {
public:
    /// Throws io::Error.
    Poller();

    /// Waits for `descriptor` to become readable. Throws io::Error.
    void add(int descriptor, Source source);
    /// From now on also, or no longer, for it to take bytes.
    void want_write(int descriptor, Source source, bool wanted) noexcept;

    /// Waits until something is ready. Valid until the next call.
    std::span<const epoll_event> wait() noexcept;

    /// Makes wait() report Source::Kind::wake, for ever. Any thread.
    void wake() noexcept;

private:
    io::UniqueFd epoll_;
    io::UniqueFd wake_;
    std::array<epoll_event, 64> events_{};
};

Source source_of(const epoll_event& event) noexcept;

}  // namespace charioteer::vlan
