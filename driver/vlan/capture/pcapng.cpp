#include "vlan/capture/pcapng.hpp"

namespace charioteer::vlan::capture::pcapng {

namespace {

constexpr std::uint32_t section_block = 0x0a0d0d0a;
constexpr std::uint32_t interface_block = 1;
constexpr std::uint32_t statistics_block = 5;
constexpr std::uint32_t packet_block = 6;

constexpr std::uint32_t byte_order_magic = 0x1a2b3c4d;
constexpr std::uint16_t ethernet = 1;
/// Times are in units of 10^-9 seconds.
constexpr std::uint8_t resolution = 9;
/// In the flags of a packet: it was sent by the interface.
constexpr std::uint32_t outbound = 2;

/// The codes of options; most depend on the kind of block.
constexpr std::uint16_t end_of_options = 0;
constexpr std::uint16_t comment_option = 1;
constexpr std::uint16_t section_program = 4;
constexpr std::uint16_t interface_name = 2;
constexpr std::uint16_t interface_resolution = 9;
constexpr std::uint16_t packet_flags = 2;
constexpr std::uint16_t packet_lost = 4;
constexpr std::uint16_t statistics_begin = 2;
constexpr std::uint16_t statistics_end = 3;
constexpr std::uint16_t statistics_received = 4;
constexpr std::uint16_t statistics_lost = 5;
constexpr std::uint16_t statistics_accepted = 6;

constexpr std::size_t longest_text = 1024;

/// Appends one block: its type and length, what the calls add, and the length again.
class Block {
public:
    Block(std::string& out, std::uint32_t type) : out_(out), begin_(out.size()) {
        number(type);
        number(std::uint32_t{0});
    }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;

    template <class Number>
    void number(Number value) {
        out_.append(reinterpret_cast<const char*>(&value), sizeof value);
    }

    void time(Time time) {
        number(static_cast<std::uint32_t>(time >> 32));
        number(static_cast<std::uint32_t>(time));
    }

    void padded(std::string_view bytes) {
        out_ += bytes;
        out_.append((4 - bytes.size() % 4) % 4, '\0');
    }

    void option(std::uint16_t code, std::string_view value) {
        number(code);
        number(static_cast<std::uint16_t>(value.size()));
        padded(value);
    }

    void text_option(std::uint16_t code, std::string_view text) {
        if (!text.empty()) option(code, text.substr(0, longest_text));
    }

    template <class Number>
    void number_option(std::uint16_t code, Number value) {
        option(code, {reinterpret_cast<const char*>(&value), sizeof value});
    }

    void time_option(std::uint16_t code, Time value) {
        number(code);
        number(static_cast<std::uint16_t>(sizeof value));
        time(value);
    }

    /// To be called last, when options were added.
    void end_options() { option(end_of_options, {}); }

    void finish() {
        auto length = static_cast<std::uint32_t>(out_.size() - begin_ + sizeof(std::uint32_t));
        number(length);
        out_.replace(begin_ + sizeof(std::uint32_t), sizeof length,
                     reinterpret_cast<const char*>(&length), sizeof length);
    }

private:
    std::string& out_;
    std::size_t begin_;
};

}  // namespace

void add_section(std::string& out, std::string_view comment) {
    Block block(out, section_block);
    block.number(byte_order_magic);
    block.number(std::uint16_t{1});  // the version of the format, 1.0
    block.number(std::uint16_t{0});
    block.number(~std::uint64_t{0});  // the length of the section is not known yet
    block.text_option(comment_option, comment);
    block.text_option(section_program, "Charioteer");
    block.end_options();
    block.finish();
}

void add_interface(std::string& out, std::string_view name) {
    Block block(out, interface_block);
    block.number(ethernet);
    block.number(std::uint16_t{0});
    block.number(std::uint32_t{0});  // frames are not cut
    block.text_option(interface_name, name);
    block.number_option(interface_resolution, resolution);
    block.end_options();
    block.finish();
}

void add_packet(std::string& out, const Packet& packet) {
    Block block(out, packet_block);
    block.number(packet.interface);
    block.time(packet.time);
    auto size = static_cast<std::uint32_t>(packet.frame.size());
    block.number(size);
    block.number(size);
    block.padded({reinterpret_cast<const char*>(packet.frame.data()), size});
    block.text_option(comment_option, packet.comment);
    block.number_option(packet_flags, outbound);
    if (packet.lost != 0) block.number_option(packet_lost, packet.lost);
    block.end_options();
    block.finish();
}

void add_statistics(std::string& out, const Statistics& statistics) {
    Block block(out, statistics_block);
    block.number(statistics.interface);
    block.time(statistics.end);
    block.time_option(statistics_begin, statistics.begin);
    block.time_option(statistics_end, statistics.end);
    block.number_option(statistics_received, statistics.received);
    block.number_option(statistics_lost, statistics.lost);
    block.number_option(statistics_accepted, statistics.accepted);
    block.end_options();
    block.finish();
}

}  // namespace charioteer::vlan::capture::pcapng
