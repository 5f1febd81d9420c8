#include "fakes/pcapng_blocks.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <stdexcept>

namespace charioteer::fakes {

namespace {

void require(bool holds, const char* what) {
    if (!holds) throw std::runtime_error(what);
}

template <class Number>
Number read(std::string_view bytes, std::size_t offset) {
    require(offset + sizeof(Number) <= bytes.size(), "a number is cut");
    Number number;
    std::memcpy(&number, bytes.data() + offset, sizeof number);
    return number;
}

/// Takes `size` bytes and their padding from the begin of `rest`.
std::string take_padded(std::string_view& rest, std::size_t size) {
    auto padded = (size + 3) / 4 * 4;
    require(padded <= rest.size(), "a value is cut");
    auto padding = rest.substr(size, padded - size);
    require(padding.find_first_not_of('\0') == padding.npos, "a padding is not zero");
    std::string value(rest.substr(0, size));
    rest.remove_prefix(padded);
    return value;
}

std::size_t size_of_fields(std::uint32_t type) {
    switch (type) {
        case PcapngBlock::section:
            return 16;
        case PcapngBlock::interface:
            return 8;
        case PcapngBlock::statistics:
            return 12;
        case PcapngBlock::packet:
            return 20;
        default:
            throw std::runtime_error("a block of unknown type");
    }
}

void read_options(std::string_view rest, PcapngBlock& block) {
    while (!rest.empty()) {
        auto code = read<std::uint16_t>(rest, 0);
        auto size = read<std::uint16_t>(rest, 2);
        rest.remove_prefix(4);
        if (code == 0) {
            require(size == 0 && rest.empty(), "the end of options is not the last one");
            return;
        }
        block.options.emplace(code, take_padded(rest, size));
    }
    require(block.options.empty(), "options have no end");
}

PcapngBlock read_block(std::string_view bytes) {
    PcapngBlock block;
    block.type = read<std::uint32_t>(bytes, 0);
    auto rest = bytes.substr(8, bytes.size() - 12);
    auto fields = size_of_fields(block.type);
    require(fields <= rest.size(), "fields are cut");
    block.body = rest.substr(0, fields);
    rest.remove_prefix(fields);
    if (block.type == PcapngBlock::packet) {
        require(block.number(12) == block.number(16), "a frame is cut");
        block.data = take_padded(rest, block.number(12));
    }
    read_options(rest, block);
    return block;
}

}  // namespace

std::uint32_t PcapngBlock::number(std::size_t offset) const {
    return read<std::uint32_t>(body, offset);
}

std::uint64_t PcapngBlock::time() const {
    return std::uint64_t{number(4)} << 32 | number(8);
}

std::string PcapngBlock::text(int option) const {
    auto found = options.find(option);
    return found == options.end() ? "" : found->second;
}

std::uint64_t PcapngBlock::option_number(int option) const {
    return read<std::uint64_t>(text(option), 0);
}

std::uint64_t PcapngBlock::option_time(int option) const {
    auto value = text(option);
    return std::uint64_t{read<std::uint32_t>(value, 0)} << 32 | read<std::uint32_t>(value, 4);
}

std::vector<PcapngBlock> read_pcapng(std::string_view file) {
    std::vector<PcapngBlock> blocks;
    std::size_t interfaces = 0;
    while (!file.empty()) {
        auto length = read<std::uint32_t>(file, 4);
        require(length >= 12 && length % 4 == 0 && length <= file.size(), "a length is wrong");
        require(read<std::uint32_t>(file, length - 4) == length, "lengths differ");
        blocks.push_back(read_block(file.substr(0, length)));
        file.remove_prefix(length);
        const auto& block = blocks.back();
        require((block.type == PcapngBlock::section) == (blocks.size() == 1), "no single section");
        if (block.type == PcapngBlock::interface) ++interfaces;
        if (block.type == PcapngBlock::packet || block.type == PcapngBlock::statistics)
            require(block.number(0) < interfaces, "an interface was not described");
    }
    return blocks;
}

std::vector<PcapngBlock> only(const std::vector<PcapngBlock>& blocks, PcapngBlock::Type type) {
    std::vector<PcapngBlock> found;
    std::copy_if(blocks.begin(), blocks.end(), std::back_inserter(found),
                 [type](const PcapngBlock& block) { return block.type == type; });
    return found;
}

}  // namespace charioteer::fakes
