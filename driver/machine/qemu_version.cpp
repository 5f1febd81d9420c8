#include "machine/qemu_version.hpp"

#include <charconv>

namespace charioteer::machine {

QemuVersion parse_qemu_version(std::string_view text) {
    QemuVersion version;
    const auto* end = text.data() + text.size();
    auto [rest, failure] = std::from_chars(text.data(), end, version.major_number);
    if (failure == std::errc() && rest != end && *rest == '.')
        std::from_chars(rest + 1, end, version.minor_number);
    return version;
}

}  // namespace charioteer::machine
