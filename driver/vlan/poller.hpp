#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <span>

#include "io/unique_fd.hpp"

namespace charioteer::vlan {

/// The owner of a descriptor that has become ready.
struct Source {
    enum class Kind : std::uint32_t { wake, vde_listener, stream_listener, control, port };
    Kind kind = Kind::wake;
    std::uint32_t index = 0;
};

/// Waits for the descriptors of a segment, level-triggered. Segment's thread only, except wake().
class Poller {
public:
    /// Throws io::Error.
    Poller();

    /// Waits for `descriptor` to become readable. Throws io::Error.
    void add(int descriptor, Source source);
    /// Starts or stops waiting for `descriptor` to become writable.
    void want_write(int descriptor, Source source, bool wanted) noexcept;

    /// Waits until a descriptor is ready. The result is valid until the next call.
    std::span<const epoll_event> wait() noexcept;

    /// Makes this and all later calls of wait() report Source::Kind::wake. Any thread.
    void wake() noexcept;

private:
    io::UniqueFd epoll_;
    io::UniqueFd wake_;
    std::array<epoll_event, 64> events_{};
};

Source source_of(const epoll_event& event) noexcept;

}  // namespace charioteer::vlan
