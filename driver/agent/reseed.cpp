#include "agent/reseed.hpp"

#include <linux/random.h>

#include "agent/error_output.hpp"
#include "agent/system.hpp"

namespace charioteer::agent {

namespace {

constexpr auto device = "/dev/urandom";

/// The argument of RNDADDENTROPY, rand_pool_info with room for the bytes.
struct Entropy {
    int bits = 0;
    int size = 0;  ///< in bytes
    unsigned char bytes[256] = {};
};

/// The bytes of standard input, each of which counts as eight random bits.
Entropy read_input() {
    Entropy entropy;
    while (entropy.size < static_cast<int>(sizeof entropy.bytes)) {
        auto room = sizeof entropy.bytes - static_cast<size_t>(entropy.size);
        auto got = sys::read(0, entropy.bytes + entropy.size, room);
        if (got <= 0) break;
        entropy.size += static_cast<int>(got);
    }
    entropy.bits = entropy.size * 8;
    return entropy;
}

}  // namespace

int reseed() {
    auto entropy = read_input();
    if (entropy.size == 0) {
        report_error("reseed", "its input is empty");
        return 1;
    }
    auto opened = sys::open(device, O_RDONLY | O_CLOEXEC);
    if (opened < 0) {
        report_error("reseed", device, opened);
        return 1;
    }
    auto file = static_cast<int>(opened);
    auto result = sys::ioctl(file, RNDADDENTROPY, &entropy);
    // Otherwise the kernel would use them only at its next periodic reseeding, minutes later.
    if (result == 0) result = sys::ioctl(file, RNDRESEEDCRNG, nullptr);
    if (result < 0) report_error("reseed", device, result);
    return result < 0 ? 1 : 0;
}

}  // namespace charioteer::agent
