#include "files/tree_reader.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include "files/tree_writer.hpp"
#include "unit/files/files_fixture.hpp"

namespace charioteer::files {
namespace {

class TreeReaderTest : public FilesTest {
protected:
    TreeReaderTest() { fs::create_directories(tree_ / "sub"); }

    static std::string stream_of(const fs::path& source, std::size_t most = 100'000) {
        TreeReader reader(source);
        std::string stream;
        for (auto piece = reader.next(most); !piece.empty(); piece = reader.next(most)) {
            EXPECT_LE(piece.size(), most);
            stream += piece;
        }
        return stream;
    }
    /// The entries of the tree after it was written elsewhere.
    std::set<std::string> names_after_copy(const fs::path& source) {
        fs::remove_all(folder_ / "copy");
        TreeWriter writer(folder_ / "copy");
        writer.feed(stream_of(source));
        writer.finish();
        return names_in(folder_ / "copy");
    }
    std::string refusal(const fs::path& source) {
        auto error = error_of([&] { stream_of(source); });
        for (auto at = error.find(folder_.string()); at != error.npos;
             at = error.find(folder_.string()))
            error.erase(at, folder_.string().size());
        return error;
    }

    fs::path tree_ = folder_ / "tree";
};

TEST_F(TreeReaderTest, ReadsATreeInOrder) {
    write_file(tree_ / "b", "bytes", 0640);
    write_file(tree_ / "a", "");
    fs::create_symlink("b", tree_ / "c");
    ::chmod((tree_ / "sub").c_str(), 01750);
    std::string expected = Stream()
                               .directory("tree")
                               .file("a", "")
                               .file("b", "bytes", 0640)
                               .link("c", "b")
                               .directory("sub", 01750)
                               .leave()
                               .leave()
                               .end();
    EXPECT_EQ(stream_of(tree_), expected);
    EXPECT_EQ(stream_of(tree_.string() + "//"), expected);
}

TEST_F(TreeReaderTest, ReadsPiecesOfAnySize) {
    auto bytes = content(10'000);
    write_file(tree_ / "data", bytes);
    for (std::size_t most : {1u, 7u, 4096u, 5000u, 1'000'000u}) {
        TreeWriter writer(folder_ / fmt::format("copy{}", most));
        writer.feed(stream_of(tree_, most));
        writer.finish();
        EXPECT_EQ(read_file(folder_ / fmt::format("copy{}/data", most)), bytes);
    }
}

TEST_F(TreeReaderTest, CountsTheBytesOfFiles) {
    write_file(tree_ / "a", content(1000));
    write_file(tree_ / "sub/b", content(234));
    TreeReader reader(tree_);
    EXPECT_EQ(reader.total_bytes(), 1234u);
    EXPECT_EQ(reader.given_bytes(), 0u);
    while (!reader.next(100).empty()) continue;
    EXPECT_EQ(reader.given_bytes(), 1234u);
}

TEST_F(TreeReaderTest, ReadsAFileUnderTheNameOfItsLink) {
    write_file(folder_ / "data", "x", 0600);
    fs::create_symlink("data", folder_ / "link");
    EXPECT_EQ(stream_of(folder_ / "link"), (std::string)Stream().file("link", "x", 0600).end());
}

TEST_F(TreeReaderTest, KeepsLinksWithinTheTree) {
    write_file(tree_ / "a", "x");
    fs::create_symlink("../a", tree_ / "sub/up");
    fs::create_symlink("./sub/", tree_ / "down");
    fs::create_symlink("not there", tree_ / "nothing");
    EXPECT_EQ(names_after_copy(tree_),
              (std::set<std::string>{"a", "down -> ./sub/", "nothing -> not there", "sub/",
                                     "sub/up -> ../a"}));
}

TEST_F(TreeReaderTest, FollowsLinksOutOfTheTree) {
    fs::create_directories(folder_ / "store/inner");
    write_file(folder_ / "store/data", "x");
    write_file(tree_ / "a", "y");
    fs::create_symlink("../data", folder_ / "store/inner/up");
    fs::create_symlink("../../tree/a", folder_ / "store/inner/back");
    fs::create_symlink(folder_ / "store", tree_ / "absolute");
    fs::create_symlink("../../store/data", tree_ / "sub/out");
    fs::create_symlink(tree_ / "a", tree_ / "sub/absolute");
    // In "absolute", which becomes a directory, ".." would have another meaning.
    fs::create_symlink("absolute/../tree/a", tree_ / "around");
    EXPECT_EQ(names_after_copy(tree_),
              (std::set<std::string>{"a", "absolute/", "absolute/data", "absolute/inner/",
                                     "absolute/inner/back", "absolute/inner/up -> ../data",
                                     "around", "sub/", "sub/absolute", "sub/out"}));
    EXPECT_EQ(read_file(folder_ / "copy/absolute/inner/back"), "y");
    EXPECT_EQ(read_file(folder_ / "copy/around"), "y");
}

TEST_F(TreeReaderTest, RejectsADanglingLinkOutOfTheTree) {
    fs::create_symlink("/not there", tree_ / "sub/link");
    EXPECT_EQ(refusal(tree_), "/tree/sub/link is a link to /not there, which is not there");
}

TEST_F(TreeReaderTest, RejectsCyclesOfLinks) {
    fs::create_symlink(tree_, tree_ / "sub/again");
    EXPECT_EQ(refusal(tree_),
              "/tree/sub/again leads by a link to a directory that it is itself in");
    fs::remove(tree_ / "sub/again");
    fs::create_symlink(tree_ / "sub/self", tree_ / "sub/self");
    EXPECT_NE(refusal(tree_).find("Too many levels of symbolic links"), std::string::npos);
}

TEST_F(TreeReaderTest, RejectsTooDeepNesting) {
    auto path = tree_;
    for (std::size_t depth = 0; depth < frames::max_depth; ++depth) path /= "d";
    fs::create_directories(path);
    EXPECT_TRUE(refusal(tree_).ends_with("d/d: more than 200 nested directories"));
}

TEST_F(TreeReaderTest, SkipsSpecialFiles) {
    ::mkfifo((tree_ / "pipe").c_str(), 0600);
    TreeReader reader(tree_);
    EXPECT_EQ(reader.skipped(), std::vector<std::string>{(tree_ / "pipe").string()});
    EXPECT_EQ(names_after_copy(tree_), std::set<std::string>{"sub/"});
    EXPECT_EQ(refusal(tree_ / "pipe"), "/tree/pipe is neither a file nor a directory");
}

TEST_F(TreeReaderTest, NamesAMissingPath) {
    EXPECT_EQ(refusal(folder_ / "nothing"), "cannot read /nothing: No such file or directory");
}

TEST_F(TreeReaderTest, ReadsTheRestOfATreeThatChanges) {
    for (std::string name : {"a", "b", "c"}) write_file(tree_ / name, content(200'000));
    TreeReader reader(tree_);
    TreeWriter writer(folder_ / "copy");
    writer.feed(reader.next(100'000));
    fs::remove(tree_ / "b");
    fs::resize_file(tree_ / "a", 150'000);
    write_file(tree_ / "c", content(300'000));
    for (auto piece = reader.next(50'000); !piece.empty(); piece = reader.next(50'000))
        writer.feed(piece);
    writer.finish();
    EXPECT_EQ(names_in(folder_ / "copy"), (std::set<std::string>{"a", "c", "sub/"}));
    EXPECT_EQ(read_file(folder_ / "copy/a"), content(150'000));
    EXPECT_EQ(read_file(folder_ / "copy/c"), content(300'000));
}

TEST_F(TreeReaderTest, ReadsFilesOfProcWhoseSizeIsZero) {
    EXPECT_EQ(names_after_copy("/proc/sys/kernel/random"), names_in("/proc/sys/kernel/random"));
    TreeWriter writer(folder_ / "file");
    writer.feed(stream_of("/proc/version"));
    writer.finish();
    EXPECT_EQ(read_file(folder_ / "file"), read_file("/proc/version"));
}

}  // namespace
}  // namespace charioteer::files
