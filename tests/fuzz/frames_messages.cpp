// A payload that can be decoded is encoded to the same bytes again, and the bytes after it remain.

#include <algorithm>
#include <array>

#include "frames/messages.hpp"
#include "fuzz/input.hpp"

using namespace charioteer;
using fuzz::require;

namespace {

template <class Message>
void check(frames::Bytes payload) {
    Message message;
    auto rest = payload;
    std::array<unsigned char, 64> buffer{};
    auto encoded = frames::encode(message, buffer);
    bool long_enough = payload.size() >= encoded.size();
    require(frames::decode(rest, message) == long_enough);
    if (!long_enough) {
        require(rest.size() == payload.size());
        return;
    }
    encoded = frames::encode(message, buffer);
    require(rest.size() == payload.size() - encoded.size());
    require(std::equal(encoded.begin(), encoded.end(), payload.begin()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    frames::Bytes payload{data, size};
    check<frames::Hello>(payload);
    check<frames::Exec>(payload);
    check<frames::Started>(payload);
    check<frames::Credit>(payload);
    check<frames::Signal>(payload);
    check<frames::Resize>(payload);
    check<frames::Exit>(payload);
    return 0;
}
