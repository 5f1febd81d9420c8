// The entries parsed from a stream always form a valid tree: valid names, bounded depth, and an end
// only at depth 0.

#include "frames/tree.hpp"
#include "fuzz/input.hpp"

using namespace charioteer;
using fuzz::require;
using Kind = frames::TreeParser::Item::Kind;

namespace {

void check(const frames::TreeParser& parser, const frames::Entry& entry) {
    require(parser.depth() <= frames::max_depth);
    require(entry.mode <= 07777);
    bool named = entry.kind == frames::EntryKind::directory ||
                 entry.kind == frames::EntryKind::file || entry.kind == frames::EntryKind::link;
    if (named) require(frames::is_name(entry.name) && entry.name.data()[entry.name.size()] == '\0');
    if (entry.kind == frames::EntryKind::link)
        require(!entry.target.empty() && entry.target.data()[entry.target.size()] == '\0');
    if (entry.kind == frames::EntryKind::end) require(parser.depth() == 0 && parser.ended());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    std::size_t piece = input.byte() + std::size_t{1};
    frames::TreeParser parser;
    for (std::size_t taken = 0; !input.empty();) {
        const auto* begin = input.bytes(piece, taken);
        frames::Bytes bytes{begin, taken};
        for (;;) {
            auto left = bytes.size();
            auto item = parser.next(bytes);
            require(bytes.size() <= left);
            if (item.kind == Kind::broken) return 0;
            if (item.kind == Kind::more) break;
            check(parser, item.entry);
        }
        require(bytes.empty());
    }
    return 0;
}
