#include "vlan/tap_port.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "io/error.hpp"

namespace charioteer::vlan {

namespace {

/// The largest number of frames in one receive().
constexpr std::size_t batch = 64;
/// The distance of two buffers: space for the length and the frame.
constexpr std::size_t stride = (max_frame_size / 64 + 2) * 64;

/// Writes one frame, which may consist of two pieces, to the device; 0 or an errno value.
int write_now(int device, Bytes first, Bytes second = {}) {
    auto piece_of = [](Bytes bytes) {
        // The kernel only reads from it.
        return iovec{const_cast<std::byte*>(bytes.data()), bytes.size()};
    };
    std::array<iovec, 2> pieces{piece_of(first), piece_of(second)};
    ssize_t sent;
    do sent = ::writev(device, pieces.data(), second.empty() ? 1 : 2);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? errno : 0;
}

bool is_full(int failure) {
    return failure == EAGAIN || failure == ENOBUFS;
}

}  // namespace

io::UniqueFd open_tap(const std::string& name) {
    io::UniqueFd device(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
    if (!device)
        throw io::system_error(
            fmt::format("cannot create the network interface {}: /dev/net/tun", name), errno);
    ifreq request{};
    name.copy(request.ifr_name, sizeof request.ifr_name - 1);
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (::ioctl(device.get(), TUNSETIFF, &request) != 0) {
        const char* hint = errno == EBUSY   ? " (another run has one of that name)"
                           : errno == EPERM ? " (root is required)"
                                            : "";
        throw io::system_error(fmt::format("cannot create the network interface {}{}", name, hint),
                               errno);
    }
    return device;
}

TapPort::TapPort(io::UniqueFd device, LiveCounters& counters)
    : Port(std::move(device), counters), buffers_(new std::byte[stride * batch]) {}

Port::Link TapPort::receive(std::vector<Frame>& frames) {
    for (std::size_t index = 0; index < batch; ++index) {
        auto* data = buffers_.get() + index * stride + length_size;
        auto length = ::read(socket(), data, max_frame_size);
        if (length < 0 && errno == EINTR) continue;
        // EIO: the interface is down, and may be up again later.
        if (length < 0) return errno == EAGAIN || errno == EIO ? Link::up : Link::down;
        write_length(data - length_size, static_cast<std::size_t>(length));
        frames.push_back({data, static_cast<std::size_t>(length)});
    }
    return Link::up;
}

void TapPort::send(std::span<const Frame> frames) {
    // After queued frames, further ones are queued too, to keep the order.
    for (auto frame : frames) {
        auto failure = has_backlog() ? EAGAIN : write_now(socket(), frame.bytes());
        if (is_full(failure))
            enqueue(frame);
        else
            count(failure == 0 ? Count::delivered : Count::dropped_gone, 1);
    }
}

void TapPort::drain() {
    while (has_backlog()) {
        std::array<std::byte, length_size> prefix{};
        auto [head, tail] = queue().view(0, length_size);
        std::copy(tail.begin(), tail.end(), std::copy(head.begin(), head.end(), prefix.begin()));
        auto length = read_length(prefix.data());
        auto [first, second] = queue().view(length_size, length);
        if (is_full(write_now(socket(), first, second))) return;
        queue().consume(length_size + length);
    }
}

}  // namespace charioteer::vlan
