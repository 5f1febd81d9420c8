// Capture filters of scripts, and arbitrary frames for them: the first line of the input is the
// expression, the rest is the frame. A frame passes twice through the gate and a fault with the
// filter, which neither reads beyond the frame nor changes its mind.

#include <netdb.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "fuzz/input.hpp"
#include "io/error.hpp"
#include "vlan/fault/gate.hpp"

using namespace charioteer;
using fuzz::require;

// libpcap asks the resolver for words that may be names of hosts, which would take time here.
extern "C" int getaddrinfo(const char* /*node*/, const char* /*service*/, const addrinfo* /*hints*/,
                           addrinfo** /*result*/) {
    return EAI_NONAME;
}

namespace {

std::size_t delivered(vlan::fault::Gate& gate, const vlan::Frame& frame) {
    vlan::fault::Packets out;
    gate.learn(0, vlan::source_of(frame.bytes()));
    gate.pass(gate.route(0, frame), frame, 1, io::TimePoint{}, out);
    return out.size();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string input(reinterpret_cast<const char*>(data), size);
    auto end = std::min(input.find('\n'), input.size());
    vlan::fault::Spec spec;
    try {
        spec.filter = std::make_shared<vlan::fault::Filter>(input.substr(0, end));
    } catch (const io::UsageError& error) {
        require(std::strlen(error.what()) > 0);
        return 0;
    }
    auto filter = spec.filter;
    spec.name = "fuzzed";
    spec.kind = vlan::fault::Cut{};
    spec.links = {{"", ""}};
    vlan::fault::Gate gate;
    gate.attach(0, {"one", 0, "one"});
    gate.attach(1, {"other", 0, "other"});
    gate.add(std::move(spec));
    // The exact size, so that the sanitizer finds reads beyond the end.
    std::vector<std::byte> bytes(vlan::length_size + vlan::ethernet_header_size);
    if (end < input.size())
        for (char character : input.substr(end + 1)) bytes.push_back(std::byte(character));
    bytes.shrink_to_fit();
    vlan::Frame frame{bytes.data() + vlan::length_size, bytes.size() - vlan::length_size};
    auto first = delivered(gate, frame);
    require(first == (filter->matches(frame.bytes()) ? 0u : 1u));
    require(delivered(gate, frame) == first);
    return 0;
}
