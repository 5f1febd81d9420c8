#pragma once

#include <string_view>
#include <tuple>

namespace charioteer::machine {

/// The part of QEMU's version on which its features depend.
struct QemuVersion {
    int major_number = 0;
    int minor_number = 0;

    bool operator==(const QemuVersion&) const = default;
    bool operator<(const QemuVersion& other) const {
        return std::tie(major_number, minor_number) <
               std::tie(other.major_number, other.minor_number);
    }
};

/// Of "10.0.2". Numbers that are missing are 0.
QemuVersion parse_qemu_version(std::string_view text);

}  // namespace charioteer::machine
