// What a program writes to a VLAN's control socket: in whatever pieces it comes, it is judged in
// the same way, and an address that is taken is a path that ends. The first byte is the size of the
// pieces, the second one the number of correct fields that are put in front.

#include <sys/socket.h>

#include <cstring>
#include <string>

#include "fuzz/demand.hpp"
#include "vlan/vde.hpp"

using namespace charioteer;
using fuzz::demand;
using vlan::vde::Progress;

namespace {

struct Judgement {
    Progress progress = Progress::incomplete;
    std::string error;
    std::string path;

    bool operator==(const Judgement&) const = default;
};

Judgement judge(std::string_view request, std::size_t piece) {
    vlan::vde::RequestReader reader;
    Judgement judgement;
    fuzz::feed(request, piece, [&](std::string_view bytes) {
        // The connection ends with the first judgement.
        if (judgement.progress == Progress::incomplete)
            judgement.progress = reader.feed(std::as_bytes(std::span(bytes)));
    });
    judgement.error = reader.error();
    demand(judgement.error.empty() == (judgement.progress != Progress::garbage));
    if (judgement.progress != Progress::complete) return judgement;
    const auto& address = reader.address();
    auto length = ::strnlen(address.sun_path, sizeof address.sun_path);
    demand(address.sun_family == AF_UNIX && length > 0 && length < sizeof address.sun_path);
    judgement.path.assign(address.sun_path, length);
    return judgement;
}

/// The first `words` of magic, version, type and family.
std::string good_begin(unsigned words) {
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
    auto request = good_begin(input.byte() % 5).append(input.rest());
    demand(judge(request, piece) == judge(request, request.size()));
    return 0;
}
