#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace bench {

using Frame = std::vector<std::byte>;
using Mac = std::array<std::byte, 6>;

/// A frame of `size` bytes from `source` to `destination`, of a local experimental type.
Frame make_frame(const Mac& destination, const Mac& source, std::size_t size);

/// One end of a cable, used the way QEMU uses it: one system call for each frame sent.
class Plug {
public:
    virtual ~Plug() = default;
    /// Blocks while the switch does not read it.
    virtual void send(std::span<const std::byte> frame) = 0;
    /// Blocks until frames are received; returns their number.
    virtual std::size_t receive() = 0;
};

/// `kind` is "vde" (`address` is a VDE control directory) or "stream" (a socket path). Throws
/// std::runtime_error.
std::unique_ptr<Plug> make_plug(const std::string& kind, const std::string& address);

}  // namespace bench
