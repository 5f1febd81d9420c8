// What guests send and what is written of it: the capture file is valid, has the frames that were
// kept in their order, and counts all others. The input decides on sizes, interfaces and comments,
// and on when a reader looks at the recording, which is small, so that it is overtaken.

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "fakes/pcapng_blocks.hpp"
#include "fuzz/input.hpp"
#include "vlan/capture/follower.hpp"

using namespace charioteer;
using namespace charioteer::vlan;
using fakes::PcapngBlock;
using fuzz::require;

namespace {

constexpr std::size_t interfaces = 3;
constexpr std::size_t statistics_received = 4;
constexpr std::size_t statistics_lost = 5;
constexpr std::size_t statistics_accepted = 6;

struct Sent {
    capture::InterfaceId from;
    std::string frame;
    std::string comment;
};

/// Passes a frame as a port does: with its length in front of it.
void add(capture::Recording& recording, const Sent& sent) {
    std::vector<std::byte> bytes(length_size + sent.frame.size());
    write_length(bytes.data(), sent.frame.size());
    std::transform(sent.frame.begin(), sent.frame.end(), bytes.begin() + length_size,
                   [](char letter) { return static_cast<std::byte>(letter); });
    std::array<Frame, 1> frames{Frame{bytes.data() + length_size, sent.frame.size()}};
    recording.add(sent.from, frames, sent.comment);
}

/// Checks that the packets of the file are some of those that were sent, in the same order.
void check_packets(const std::vector<PcapngBlock>& blocks, const std::vector<Sent>& sent) {
    auto next = sent.begin();
    for (const auto& packet : fakes::only(blocks, PcapngBlock::packet)) {
        while (next != sent.end() && next->frame != packet.data) ++next;
        require(next != sent.end());
        require(packet.number(0) < interfaces);
        ++next;
    }
}

void check_statistics(const std::vector<PcapngBlock>& blocks, const std::vector<Sent>& sent) {
    std::array<std::uint64_t, interfaces> packets{};
    for (const auto& packet : fakes::only(blocks, PcapngBlock::packet)) ++packets[packet.number(0)];
    std::uint64_t received = 0;
    for (const auto& each : fakes::only(blocks, PcapngBlock::statistics)) {
        auto accepted = each.option_number(statistics_accepted);
        require(accepted == packets[each.number(0)]);
        require(accepted + each.option_number(statistics_lost) ==
                each.option_number(statistics_received));
        received += each.option_number(statistics_received);
    }
    // With those that are too long to be kept.
    require(received == sent.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    capture::Recording::Settings settings;
    settings.chunk_size = 200 + input.byte();
    settings.chunks = 2 + input.byte() % 4;
    settings.now = [] { return capture::Time{1}; };
    auto recording = std::make_shared<capture::Recording>(settings);
    for (std::size_t each = 0; each < interfaces; ++each)
        recording->interface(std::string(1, static_cast<char>('a' + each)) + ".1");
    auto begin =
        input.byte() % 2 == 0 ? capture::Cursor::Begin::oldest : capture::Cursor::Begin::now;
    capture::Follower follower(recording, {begin, {}, std::string(input.text(input.byte()))});

    std::vector<Sent> sent;
    std::string file;
    while (!input.empty()) {
        auto action = input.byte();
        if (action % 4 == 0) {
            while (follower.read(file)) {
            }
            continue;
        }
        std::string comment(input.text(action % 4 == 1 ? input.byte() : 0));
        auto from = static_cast<capture::InterfaceId>(action / 4 % interfaces);
        // With a header, as all frames that the hub passes on.
        std::string frame(ethernet_header_size, static_cast<char>(input.byte()));
        sent.push_back({from, frame + std::string(input.text(input.byte())), comment});
        add(*recording, sent.back());
    }
    follower.stop_at_end();
    while (follower.read(file)) {
    }
    follower.finish(file);
    auto blocks = fakes::read_pcapng(file);
    check_packets(blocks, sent);
    check_statistics(blocks, sent);
    return 0;
}
