#include "vlan/vde.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace charioteer::vlan::vde {

namespace {

std::uint32_t read_word(const std::byte* bytes) {
    std::uint32_t word;
    std::memcpy(&word, bytes, sizeof word);
    return word;
}

}  // namespace

Progress RequestReader::feed(Bytes bytes) {
    if (size_ == request_size) return Progress::complete;
    auto taken = std::min(bytes.size(), request_size - size_);
    std::copy_n(bytes.begin(), taken, request_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += taken;
    return parse();
}

Progress RequestReader::parse() {
    constexpr std::size_t word = sizeof(std::uint32_t);
    // Each field is checked as soon as it is complete, so that other protocols are rejected
    // immediately.
    if (size_ >= word && read_word(request_.data()) != magic) {
        error_ = fmt::format("starts with {:#x}, which is not the VDE protocol",
                             read_word(request_.data()));
        return Progress::garbage;
    }
    if (size_ >= 2 * word && read_word(request_.data() + word) != version) {
        error_ = fmt::format("has version {} of the VDE protocol, only {} is supported",
                             read_word(request_.data() + word), version);
        return Progress::garbage;
    }
    if (size_ >= 3 * word && (read_word(request_.data() + 2 * word) & 0xff) != new_control) {
        error_ = fmt::format("has the unknown type {}", read_word(request_.data() + 2 * word));
        return Progress::garbage;
    }
    if (size_ < request_size) return Progress::incomplete;
    std::memcpy(&address_, request_.data() + 3 * word, sizeof address_);
    auto path_size = ::strnlen(address_.sun_path, sizeof address_.sun_path);
    bool usable = path_size > 0 && path_size < sizeof address_.sun_path;
    if (address_.sun_family != AF_UNIX || !usable) {
        error_ = "names no socket to send frames to";
        return Progress::garbage;
    }
    return Progress::complete;
}

}  // namespace charioteer::vlan::vde
