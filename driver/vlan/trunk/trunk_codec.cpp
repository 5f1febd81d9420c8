#include "vlan/trunk/trunk_codec.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "io/error.hpp"
#include "io/printable.hpp"

namespace charioteer::vlan::trunk {

namespace {

constexpr std::string_view magic = "chartrnk";
constexpr std::uint32_t version = 1;
/// In the length of a record: it is a name, not a frame.
constexpr std::uint32_t name_flag = 0x8000'0000;
constexpr std::size_t address_size = 6;

/// Of the hello: the magic, the version, the VLAN, the segment.
constexpr std::size_t version_at = magic.size();
constexpr std::size_t vlan_at = version_at + length_size;
constexpr std::size_t segment_at = vlan_at + length_size;
static_assert(segment_at + sizeof(SegmentId) == hello_size);

void append(std::string& text, std::uint32_t number) {
    std::array<std::byte, length_size> bytes;
    write_length(bytes.data(), number);
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

bool is_name(std::string_view text) {
    auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x21 || c == 0x7f; };
    return !text.empty() && text.size() <= max_name_size &&
           std::none_of(text.begin(), text.end(), is_control) && io::decodable(text) == text;
}

std::string_view text_of(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Of the record of a name, after its length; nullopt: it is invalid.
std::optional<Name> name_of(Bytes record) {
    auto machine = text_of(record.subspan(address_size));
    if (!is_name(machine)) return std::nullopt;
    Name name{0, std::string(machine)};
    for (auto byte : record.first(address_size))
        name.address = name.address << 8 | std::to_integer<Address>(byte);
    if (is_group(name.address)) return std::nullopt;
    return name;
}

}  // namespace

SegmentId random_segment_id() {
    SegmentId id;
    if (::getrandom(id.data(), id.size(), 0) != static_cast<ssize_t>(id.size()))
        throw io::system_error("cannot get random numbers", errno);
    return id;
}

std::string encode(const Hello& hello) {
    std::string text(magic);
    append(text, version);
    append(text, hello.vlan);
    return text.append(reinterpret_cast<const char*>(hello.segment.data()), hello.segment.size());
}

std::string encode(const Name& name) {
    if (!is_name(name.machine)) return {};
    std::string text;
    append(text, name_flag | static_cast<std::uint32_t>(address_size + name.machine.size()));
    for (int shift = 40; shift >= 0; shift -= 8)
        text += static_cast<char>(name.address >> shift & 0xff);
    return text + name.machine;
}

std::string Decoder::decode(std::vector<Frame>& frames, std::vector<Name>& names) {
    if (!is_joined_) {
        auto problem = take_hello();
        if (!problem.empty() || !is_joined_) return problem;
    }
    auto unread = buffer_.unread();
    auto size = unread.size();
    while (unread.size() >= length_size) {
        auto word = read_length(unread.data());
        bool is_frame = (word & name_flag) == 0;
        std::size_t length = word & ~name_flag;
        if (is_frame && length > max_frame_size)
            return fmt::format("it sent a frame of {} bytes; the longest has {}", length,
                               max_frame_size);
        if (!is_frame && (length <= address_size || length > address_size + max_name_size))
            return fmt::format("it sent a name of {} bytes", length);
        if (unread.size() < length_size + length) break;
        auto record = unread.subspan(length_size, length);
        unread = unread.subspan(length_size + length);
        if (is_frame) {
            frames.push_back({record.data(), record.size()});
        } else if (auto name = name_of(record)) {
            names.push_back(std::move(*name));
        } else {
            return "it sent an invalid name of a machine";
        }
    }
    buffer_.take(size - unread.size());
    return {};
}

/// Takes the hello if it is complete; why it is not accepted.
std::string Decoder::take_hello() {
    auto unread = buffer_.unread();
    auto begin = text_of(unread.first(std::min(unread.size(), magic.size())));
    if (!magic.starts_with(begin)) return "it sent something that is not a trunk of Charioteer";
    if (unread.size() < hello_size) return {};
    auto theirs = read_length(unread.data() + version_at);
    if (theirs != version)
        return fmt::format("it has version {} of trunks, and this side version {}", theirs,
                           version);
    Hello hello{read_length(unread.data() + vlan_at), {}};
    std::copy_n(unread.begin() + segment_at, hello.segment.size(), hello.segment.begin());
    auto refusal = refuse_(hello);
    is_joined_ = refusal.empty();
    buffer_.take(hello_size);
    return refusal;
}

std::string Decoder::end() const {
    auto unread = buffer_.unread();
    if (!is_joined_)
        return unread.empty() ? "it was closed before its hello" : "it was closed within its hello";
    if (unread.empty()) return "it was closed by the other side";
    if (unread.size() < length_size) return "it was closed within the length of a frame";
    return fmt::format("it was closed within a frame, after {} of {} bytes",
                       unread.size() - length_size, read_length(unread.data()) & ~name_flag);
}

}  // namespace charioteer::vlan::trunk
