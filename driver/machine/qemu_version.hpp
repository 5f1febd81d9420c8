#pragma once

#include <compare>
#include <string_view>

namespace charioteer::machine {

/// The part of QEMU's version on which its features depend.
struct QemuVersion {
    int major_number = 0;
    int minor_number = 0;

    auto operator<=>(const QemuVersion&) const = default;
};

/// Of "10.0.2". Numbers that are missing are 0.
QemuVersion parse_qemu_version(std::string_view text);

}  // namespace charioteer::machine
