#include "frames/tree.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace charioteer::frames {
namespace {

using Kind = TreeParser::Item::Kind;

std::string written(const Entry& entry, std::string_view data = {}) {
    unsigned char buffer[max_entry];
    std::string bytes(reinterpret_cast<const char*>(buffer), write_entry(entry, buffer));
    return bytes.append(data);
}

std::string directory(std::string_view name) {
    return written({.kind = EntryKind::directory, .mode = 0755, .name = name});
}
std::string file(std::string_view name) {
    return written({.kind = EntryKind::file, .mode = 0640, .name = name});
}
std::string data(std::string_view bytes) {
    return written({.kind = EntryKind::data, .size = bytes.size()}, bytes);
}
std::string link(std::string_view name, std::string_view target) {
    return written({.kind = EntryKind::link, .name = name, .target = target});
}
std::string mark(EntryKind kind) {
    return written({.kind = kind});
}

/// The items that a parser finds in `stream` in pieces of `size`: a line for each, with joined
/// data.
std::string parsed(std::string_view stream, std::size_t size) {
    TreeParser parser;
    std::string text;
    bool in_data = false;
    for (std::size_t at = 0; at < stream.size(); at += size) {
        // A copy, so that sanitizers detect reads beyond the piece.
        std::string piece(stream.substr(at, size));
        std::vector<unsigned char> buffer(piece.begin(), piece.end());
        Bytes bytes(buffer);
        for (auto item = parser.next(bytes); item.kind != Kind::more; item = parser.next(bytes)) {
            if (item.kind == Kind::broken) return text + "broken: " + item.trouble;
            if (item.entry.kind == EntryKind::data) {
                if (!in_data) text += "data ";
                in_data = true;
                text.append(item.data.begin(), item.data.end());
                continue;
            }
            if (in_data) text += "\n";
            in_data = false;
            text += std::to_string(static_cast<int>(item.entry.kind)) + " " +
                    std::to_string(item.entry.mode) + " " + item.entry.name.data() + " " +
                    item.entry.target.data() + "\n";
        }
        EXPECT_TRUE(bytes.empty());
    }
    return text + (parser.ended() ? "ended" : "not ended");
}

std::string trouble(const std::string& stream) {
    auto text = parsed(stream, stream.size());
    auto at = text.find("broken: ");
    return at == text.npos ? "none" : text.substr(at + 8);
}

TEST(Tree, DoesNotDependOnThePieces) {
    auto stream = directory("tree") + file("data") + data("some bytes") + data("more") +
                  mark(EntryKind::close) + link("link", "../there") + directory("empty") +
                  mark(EntryKind::leave) + mark(EntryKind::leave) + mark(EntryKind::end);
    std::string expected =
        "1 493 tree \n3 416 data \ndata some bytesmore\n5 0  \n6 0 link ../there\n"
        "1 493 empty \n2 0  \n2 0  \n7 0  \nended";
    for (std::size_t size = 1; size <= stream.size(); ++size)
        ASSERT_EQ(parsed(stream, size), expected) << size;
}

TEST(Tree, IsIncompleteWithoutItsEnd) {
    auto stream = file("data") + data("x") + mark(EntryKind::close) + mark(EntryKind::end);
    for (std::size_t size = 1; size < stream.size(); ++size)
        EXPECT_TRUE(parsed(stream.substr(0, size), size).ends_with("not ended")) << size;
    EXPECT_TRUE(parsed(stream, stream.size()).ends_with("\nended"));
}

TEST(Tree, AcceptsTheLongestNames) {
    std::string name(max_name, 'n');
    std::string target(max_target, 't');
    auto text = parsed(directory("d") + link(name, target), 1000);
    EXPECT_NE(text.find("6 0 " + name + " " + target), text.npos);
}

TEST(Tree, RejectsInvalidNames) {
    for (std::string name : {"", ".", "..", "a/b", "/", "/etc", "../x"}) {
        EXPECT_EQ(trouble(directory("d") + file(name)), "a name that no file may have") << name;
        EXPECT_EQ(trouble(directory(name)), "a name that no file may have") << name;
    }
    EXPECT_EQ(trouble(file({"a\0b", 3})), "a name that no file may have");
    EXPECT_EQ(trouble(file(std::string(max_name + 1, 'n'))), "a name that is too long");
    EXPECT_EQ(trouble(directory("d") + link("l", "")), "a target that no link may have");
    EXPECT_EQ(trouble(directory("d") + link("l", {"a\0b", 3})), "a target that no link may have");
    EXPECT_EQ(trouble(directory("...")), "none");
}

TEST(Tree, RejectsMisplacedEntries) {
    EXPECT_EQ(trouble(mark(EntryKind::end)), "an end in its middle");
    EXPECT_EQ(trouble(directory("d") + mark(EntryKind::end)), "an end in its middle");
    EXPECT_EQ(trouble(file("f") + mark(EntryKind::end)), "an end in its middle");
    EXPECT_EQ(trouble(data("x")), "content without a file");
    EXPECT_EQ(trouble(directory("d") + mark(EntryKind::close)), "content without a file");
    EXPECT_EQ(trouble(file("f") + file("g")), "an entry within a file");
    EXPECT_EQ(trouble(link("l", "t")), "a link that is not in a directory");
    EXPECT_EQ(trouble(mark(EntryKind::leave)), "the end of a directory that was not entered");
    EXPECT_EQ(trouble(directory("d") + mark(EntryKind::leave) + file("f")), "a second root");
    EXPECT_EQ(trouble(directory("d") + mark(EntryKind::leave) + mark(EntryKind::end) + "x"),
              "something follows its end");
}

TEST(Tree, RejectsFieldsOfOtherKinds) {
    EXPECT_EQ(trouble(written({.kind = EntryKind::file, .mode = 010000, .name = "f"})),
              "an impossible mode");
    EXPECT_EQ(trouble(written({.kind = EntryKind::end, .mode = 1})), "an impossible mode");
    EXPECT_EQ(trouble(written({.kind = EntryKind::end, .name = "e"})), "a name that is too long");
    EXPECT_EQ(trouble(written({.kind = EntryKind::file, .name = "f", .target = "t"})),
              "a link's target that is too long");
    EXPECT_EQ(trouble(written({.kind = EntryKind::end, .size = 1})), "an impossible size");
    EXPECT_EQ(trouble(file("f") + written({.kind = EntryKind::data})), "an impossible size");
    EXPECT_EQ(trouble("a console's text"), "an entry of an unknown kind");
    EXPECT_EQ(trouble(mark(static_cast<EntryKind>(8))), "an entry of an unknown kind");
}

TEST(Tree, RejectsTooDeepNesting) {
    std::string stream;
    for (std::size_t depth = 0; depth < max_depth; ++depth) stream += directory("d");
    EXPECT_EQ(trouble(stream), "none");
    EXPECT_EQ(trouble(stream + directory("d")), "more than 200 nested directories");
}

TEST(Tree, AnErrorIsFinal) {
    TreeParser parser;
    auto bad = data("x");
    auto good = directory("d");
    Bytes bytes(reinterpret_cast<const unsigned char*>(bad.data()), bad.size());
    EXPECT_EQ(parser.next(bytes).kind, Kind::broken);
    bytes = {reinterpret_cast<const unsigned char*>(good.data()), good.size()};
    EXPECT_EQ(parser.next(bytes).kind, Kind::broken);
}

}  // namespace
}  // namespace charioteer::frames
