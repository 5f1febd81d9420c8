// Arbitrary bytes from a VLAN's control socket: the result does not depend on the pieces in which
// they arrive, and an accepted address is a path that ends within its field. The first byte of the
// input is the size of the pieces, the second one the number of valid fields that are put in front.

#include <sys/socket.h>

#include <cstring>
#include <string>

#include "fuzz/input.hpp"
#include "vlan/vde.hpp"

using namespace charioteer;
using fuzz::require;
using vlan::vde::Progress;

namespace {

struct Result {
    Progress progress = Progress::incomplete;
    std::string error;
    std::string path;

    bool operator==(const Result&) const = default;
};

Result parse(std::string_view request, std::size_t piece) {
    vlan::vde::RequestReader reader;
    Result result;
    fuzz::feed(request, piece, [&](std::string_view bytes) {
        // The driver closes the connection at the first result.
        if (result.progress == Progress::incomplete)
            result.progress = reader.feed(std::as_bytes(std::span(bytes)));
    });
    result.error = reader.error();
    require(result.error.empty() == (result.progress != Progress::garbage));
    if (result.progress != Progress::complete) return result;
    const auto& address = reader.address();
    auto length = ::strnlen(address.sun_path, sizeof address.sun_path);
    require(address.sun_family == AF_UNIX && length > 0 && length < sizeof address.sun_path);
    result.path.assign(address.sun_path, length);
    return result;
}

/// The first `words` of magic, version, type and family.
std::string valid_header(unsigned words) {
    constexpr std::uint32_t numbers[] = {vlan::vde::magic, vlan::vde::version,
                                         vlan::vde::new_control};
    std::string begin;
    for (unsigned word = 0; word < words && word < std::size(numbers); ++word)
        begin.append(reinterpret_cast<const char*>(&numbers[word]), sizeof numbers[word]);
    constexpr sa_family_t family = AF_UNIX;
    if (words > std::size(numbers))
        begin.append(reinterpret_cast<const char*>(&family), sizeof family);
    return begin;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    auto piece = input.byte() + std::size_t{1};
    auto request = valid_header(input.byte() % 5).append(input.rest());
    require(parse(request, piece) == parse(request, request.size()));
    return 0;
}
