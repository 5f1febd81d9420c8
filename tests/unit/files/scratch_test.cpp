// Folders of the host that a guest may write to, because they are shared with it.

#include "files/scratch.hpp"

#include <fcntl.h>

#include "fakes/swapper.hpp"
#include "files/tree_reader.hpp"
#include "files/tree_writer.hpp"
#include "unit/files/files_fixture.hpp"

namespace charioteer::files {
namespace {

class ScratchTest : public FilesTest {
protected:
    ScratchTest() {
        fs::create_directories(share_);
        fs::create_directories(outside_);
        write_file(outside_ / "content", "outside");
    }
    /// The host's operation on a folder of the share: writing to it or reading from it.
    static void carry(TreeReader& reader, TreeWriter& writer) {
        for (auto piece = reader.next(4096); !piece.empty(); piece = reader.next(4096))
            writer.feed(piece);
        writer.finish();
    }
    static io::UniqueFd copy_of(int fd) { return io::UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

    fs::path share_ = folder_ / "share";
    fs::path outside_ = folder_ / "outside";
};

TEST_F(ScratchTest, IsRemovedWithItsContent) {
    {
        Scratch scratch(share_);
        fs::create_directories(scratch.path() / "a/b");
        write_file(scratch.path() / "a/b/c", "x");
        fs::create_symlink(outside_, scratch.path() / "link");
        EXPECT_EQ(mode_of(scratch.path()), 0700u);
    }
    EXPECT_EQ(names_in(share_), std::set<std::string>());
    EXPECT_EQ(names_in(outside_), std::set<std::string>{"content"});
    EXPECT_TRUE(error_of([&] {
                    Scratch scratch(folder_ / "none");
                }).ends_with("No such file or directory"));
}

TEST_F(ScratchTest, NothingIsWrittenThroughALinkThatReplacesIt) {
    write_file(folder_ / "source", "secret");
    Scratch scratch(share_);
    fs::rename(scratch.path(), share_ / "aside");
    fs::create_symlink(outside_, scratch.path());
    TreeReader reader(folder_ / "source");
    TreeWriter writer(copy_of(scratch.fd()), "source");
    carry(reader, writer);
    EXPECT_EQ(read_file(share_ / "aside/source"), "secret");
    EXPECT_EQ(names_in(outside_), std::set<std::string>{"content"});
}

TEST_F(ScratchTest, NothingIsReadThroughALink) {
    Scratch scratch(share_);
    fs::create_symlink(outside_ / "content", scratch.path() / "content");
    auto error = error_of([&] { TreeReader(scratch.fd(), "content", "/in/guest"); });
    EXPECT_EQ(error, "/in/guest is neither a file nor a directory");
}

TEST_F(ScratchTest, LinksOfTheGuestAreKeptAsLinks) {
    Scratch scratch(share_);
    fs::create_directories(scratch.path() / "content");
    fs::create_symlink(outside_, scratch.path() / "content/folder");
    fs::create_symlink("../../nothing", scratch.path() / "content/dangling");
    TreeReader reader(scratch.fd(), "content", "/in/guest");
    TreeWriter writer(folder_ / "copy");
    carry(reader, writer);
    EXPECT_EQ(names_in(folder_ / "copy"), (std::set<std::string>{"folder -> " + outside_.string(),
                                                                 "dangling -> ../../nothing"}));
}

class SwappedScratchTest : public ScratchTest {
protected:
    SwappedScratchTest() {
        fs::create_directories(content_ / "dir");
        write_file(content_ / "dir/f", "inside");
        write_file(content_ / "content", "inside");
        fs::create_directories(swap_);
        write_file(outside_ / "f", "outside");
        fs::create_symlink(outside_, swap_ / "dir");
        fs::create_symlink(outside_ / "content", swap_ / "content");
    }
    /// Copies the content repeatedly while the paths of the pairs are swapped; the copies must
    /// contain only content of the folder.
    void copy_while_swapped(std::vector<std::pair<fs::path, fs::path>> pairs) {
        fakes::Swapper swapper(std::move(pairs));
        while (swapper.count() == 0) std::this_thread::yield();
        int copies = 0;
        for (int round = 0; copies == 0 || round < 300; ++round) {
            auto copy = folder_ / fmt::format("copy{}", round);
            try {
                TreeReader reader(scratch_.fd(), "content", "/in/guest");
                TreeWriter writer(copy);
                carry(reader, writer);
            } catch (const io::Error&) {
                continue;  // an entry vanished while it was read, which is an error
            }
            ++copies;
            for (const auto& entry : fs::recursive_directory_iterator(copy)) {
                if (entry.is_symlink() || !entry.is_regular_file()) continue;
                ASSERT_EQ(read_file(entry.path()), "inside") << entry.path();
            }
        }
    }

    Scratch scratch_{share_};
    fs::path content_ = scratch_.path() / "content";
    fs::path swap_ = scratch_.path() / "swap";
};

TEST_F(SwappedScratchTest, NothingOutsideIsReadThroughSwappedEntries) {
    copy_while_swapped(
        {{content_ / "dir", swap_ / "dir"}, {content_ / "content", swap_ / "content"}});
}

TEST_F(SwappedScratchTest, NothingOutsideIsReadThroughASwappedRoot) {
    copy_while_swapped({{content_, swap_ / "dir"}});
}

TEST_F(ScratchTest, NothingIsWrittenOutsideWhileLinksAreSwapped) {
    fs::create_directories(folder_ / "source/dir");
    write_file(folder_ / "source/dir/f", "secret");
    for (int round = 0; round < 100; ++round) {
        {
            Scratch scratch(share_);
            fs::create_symlink(outside_, share_ / "link");
            fakes::Swapper swapper({{scratch.path(), share_ / "link"}});
            while (swapper.count() == 0) std::this_thread::yield();
            TreeReader reader(folder_ / "source");
            TreeWriter writer(copy_of(scratch.fd()), "source");
            carry(reader, writer);
        }
        ASSERT_EQ(names_in(outside_), std::set<std::string>{"content"});
        fs::remove_all(share_ / "link");
    }
}

}  // namespace
}  // namespace charioteer::files
