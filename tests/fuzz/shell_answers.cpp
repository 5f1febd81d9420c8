// Arbitrary bytes from the root shell's console: the parsed output is no longer than the input, and
// the answer to the next command is found. The first byte of the input is the size of the pieces.

#include <string>

#include "fuzz/input.hpp"
#include "shell/base64.hpp"
#include "shell/plain_codec.hpp"

using namespace charioteer;
using fuzz::require;

namespace {

/// The limit of plain_codec.cpp for reports that are not yet taken.
constexpr std::size_t most_holders = 16;
constexpr std::string_view last = "\n#7~ok\n#7:0 0\n";

void check(std::string_view noise, std::size_t piece) {
    shell::AnswerReader reader;
    std::size_t came_out = 0;
    std::optional<shell::Answer> latest;
    auto take = [&](std::string_view bytes) {
        reader.feed(bytes);
        while (auto answer = reader.next()) {
            came_out += answer->output.size();
            latest = std::move(answer);
        }
    };
    fuzz::feed(noise, piece, take);
    require(reader.kept() <= noise.size());
    std::size_t holders = 0;
    while (auto report = reader.next_holders()) {
        came_out += report->names.size();
        ++holders;
    }
    require(holders <= most_holders);
    // Each '@' adds the NUL byte that it stands for.
    require(came_out <= noise.size());
    fuzz::feed(last, piece, take);
    require(latest && latest->number == 7 && latest->output == "ok" && latest->damage.empty());
    require(latest->status == 0);
    reader.greeted();
    require(!reader.greeted());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    auto piece = input.byte() + std::size_t{1};
    auto noise = input.rest();
    check(noise, piece);
    require(shell::decode_base64(shell::encode_base64(noise)) == noise);
    return 0;
}
