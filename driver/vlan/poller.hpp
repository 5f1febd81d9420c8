#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "io/deadline.hpp"
#include "io/unique_fd.hpp"

namespace charioteer::vlan {

/// The owner of a descriptor that has become ready.
struct Source {
    enum class Kind : std::uint32_t {
        wake,
        vde_listener,
        stream_listener,
        control,
        port,
        port_output,  ///< what a port writes to, if it is not what it reads from
        timer
    };
    Kind kind = Kind::wake;
    std::uint32_t index = 0;
};

/// Waits for the descriptors of a segment, level-triggered. Segment's thread only, except wake().
class Poller {
public:
    /// Throws io::Error.
    Poller();

    /// Waits for `descriptor` to become readable; of an output, for an error. Throws io::Error.
    void add(int descriptor, Source source);
    /// Starts or stops waiting for `descriptor` to become writable.
    void want_write(int descriptor, Source source, bool wanted) noexcept;

    /// Waits until a descriptor is ready. The result is valid until the next call.
    std::span<const epoll_event> wait() noexcept;

    /// Makes wait() report Source::Kind::timer from `when` on; nullopt: never.
    void set_timer(std::optional<io::TimePoint> when) noexcept;

    /// Makes wait() report Source::Kind::wake until take_wake(). Any thread.
    void wake() noexcept;
    void take_wake() noexcept;

private:
    io::UniqueFd epoll_;
    io::UniqueFd wake_;
    io::UniqueFd timer_;
    std::optional<io::TimePoint> timer_when_;
    std::array<epoll_event, 64> events_{};
};

Source source_of(const epoll_event& event) noexcept;

}  // namespace charioteer::vlan
