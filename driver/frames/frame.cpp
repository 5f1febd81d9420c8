#include "frames/frame.hpp"

#include <cstring>

namespace charioteer::frames {

namespace {

/// A byte that does not occur in UTF-8 text, then three letters for the protocol, so that text of a
/// console is not taken for the beginning of a header.
constexpr unsigned char magic[4] = {0xfe, 'C', 'h', 'F'};
constexpr std::size_t max_hello = 256;

constexpr std::uint64_t odd_constant = 0x9e3779b97f4a7c15;

std::uint64_t fold(std::uint64_t sum, std::uint64_t word) {
    auto product = static_cast<unsigned __int128>(sum ^ word) * odd_constant;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint32_t short_checksum(Bytes bytes) {
    auto sum = checksum(bytes);
    return static_cast<std::uint32_t>(sum ^ (sum >> 32));
}

void put(unsigned char* target, std::uint32_t value) {
    for (int index = 0; index < 4; ++index)
        target[index] = static_cast<unsigned char>(value >> (8 * index));
}

std::uint32_t get(const unsigned char* source) {
    std::uint32_t value = 0;
    for (int index = 0; index < 4; ++index)
        value |= static_cast<std::uint32_t>(source[index]) << (8 * index);
    return value;
}

/// Whether the received bytes can be the beginning of a header.
bool begins_like_magic(Bytes bytes) {
    for (std::size_t index = 0; index < bytes.size() && index < sizeof magic; ++index)
        if (bytes[index] != magic[index]) return false;
    return true;
}

/// The number of bytes before the next position at which a frame may begin, at least one.
std::size_t noise_before_magic(Bytes bytes) {
    for (std::size_t at = 1; at < bytes.size(); ++at)
        if (begins_like_magic(bytes.subspan(at))) return at;
    return bytes.size();
}

bool acceptable(const Header& header, Expect expect) {
    if (header.type < Type::hello || header.type > last_type) return false;
    if (header.length > max_payload) return false;
    return expect == Expect::any || (header.type == Type::hello && header.length <= max_hello);
}

}  // namespace

std::uint64_t checksum(Bytes bytes) {
    std::uint64_t sum = odd_constant ^ bytes.size();
    while (bytes.size() >= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data(), 8);  // both ends are little endian
        sum = fold(sum, word);
        bytes = bytes.subspan(8);
    }
    std::uint64_t last = 0;
    for (std::size_t index = 0; index < bytes.size(); ++index)
        last |= static_cast<std::uint64_t>(bytes[index]) << (8 * index);
    return fold(fold(sum, last), odd_constant);
}

void write_header(const Header& header, Bytes payload,
                  std::span<unsigned char, header_size> target) {
    std::memcpy(target.data(), magic, sizeof magic);
    put(&target[4], static_cast<std::uint32_t>(header.type));
    put(&target[8], header.stream);
    put(&target[12], header.sequence);
    put(&target[16], static_cast<std::uint32_t>(payload.size()));
    put(&target[20], short_checksum(payload));
    put(&target[24], short_checksum(target.first<24>()));
}

std::size_t frame_size(const unsigned char* header) {
    return header_size + get(&header[16]);
}

void Progress::pass(const unsigned char* header) {
    unsigned char both[sizeof chain + header_size];
    std::memcpy(both, &chain, sizeof chain);
    std::memcpy(both + sizeof chain, header, header_size);
    chain = checksum(both);
    ++next;
}

Scan scan(Bytes bytes, Expect expect) {
    Scan found;
    if (bytes.empty()) return found;
    auto noise = [&] {
        found.kind = Scan::Kind::noise;
        found.size = noise_before_magic(bytes);
        return found;
    };
    if (!begins_like_magic(bytes)) return noise();
    if (bytes.size() < header_size) return found;
    if (get(&bytes[24]) != short_checksum(bytes.first(24)) || get(&bytes[4]) > 0xff) return noise();
    Header header;
    header.type = static_cast<Type>(bytes[4]);
    header.stream = get(&bytes[8]);
    header.sequence = get(&bytes[12]);
    header.length = get(&bytes[16]);
    if (!acceptable(header, expect)) return noise();
    if (bytes.size() < header_size + header.length) return found;
    auto payload = bytes.subspan(header_size, header.length);
    if (get(&bytes[20]) != short_checksum(payload)) return noise();
    found.kind = Scan::Kind::frame;
    found.size = header_size + header.length;
    found.header = header;
    found.payload = payload;
    found.head = bytes.data();
    return found;
}

}  // namespace charioteer::frames
