#include "files/tree_writer.hpp"

#include <grp.h>
#include <sys/wait.h>

#include "unit/files/files_fixture.hpp"

namespace charioteer::files {
namespace {

class TreeWriterTest : public FilesTest {
protected:
    TreeWriterTest() { fs::create_directory(folder_ / "out"); }

    void write(const std::string& stream, std::size_t split = 1'000'000) {
        TreeWriter writer(target_);
        for (std::size_t at = 0; at < stream.size(); at += split)
            writer.feed(std::string_view(stream).substr(at, split));
        writer.finish();
    }
    /// The error for a malicious stream; checks that everything created was removed.
    std::string refusal(const std::string& stream) {
        auto error = error_of([&] { write(stream); });
        EXPECT_EQ(names_in(folder_ / "out"), std::set<std::string>());
        auto at = error.find(target_.string());
        if (at != error.npos) error.replace(at, target_.string().size(), "TARGET");
        return error;
    }

    fs::path target_ = folder_ / "out/target";
};

TEST_F(TreeWriterTest, WritesATreeFromPiecesOfEverySize) {
    auto stream = Stream()
                      .directory("any name", 0750)
                      .file("data", "some\nbytes", 0640)
                      .file("empty", "")
                      .link("link", "../outside")
                      .directory("inner", 0555)
                      .leave()
                      .leave()
                      .end();
    const std::string& bytes = stream;
    for (std::size_t split = 1; split <= bytes.size(); split += 3) {
        write(bytes, split);
        ASSERT_EQ(names_in(target_),
                  (std::set<std::string>{"data", "empty", "inner/", "link -> ../outside"}));
        EXPECT_EQ(read_file(target_ / "data"), "some\nbytes");
        EXPECT_EQ(mode_of(target_), 0750u);
        EXPECT_EQ(mode_of(target_ / "data"), 0640u);
        EXPECT_EQ(mode_of(target_ / "inner"), 0555u);
        fs::remove_all(target_);
    }
}

TEST_F(TreeWriterTest, WritesAFile) {
    write(
        Stream().open("name", 0600).data("one").data("two").add({frames::EntryKind::close}).end());
    EXPECT_EQ(read_file(target_), "onetwo");
    EXPECT_EQ(mode_of(target_), 0600u);
}

TEST_F(TreeWriterTest, KeepsModesWithoutSetuidAndSetgid) {
    auto mask = ::umask(077);
    write(Stream().directory("d", 07777).file("f", "", 06755).leave().end());
    ::umask(mask);
    EXPECT_EQ(mode_of(target_), 0777u);
    EXPECT_EQ(mode_of(target_ / "f"), 0755u);
}

TEST_F(TreeWriterTest, FillsReadOnlyDirectories) {
    write(Stream().directory("d", 0555).directory("e", 0).file("f", "x", 0).leave().leave().end());
    EXPECT_EQ(mode_of(target_), 0555u);
    EXPECT_EQ(mode_of(target_ / "e"), 0u);
}

TEST_F(TreeWriterTest, DoesNotEnterALink) {
    fs::create_directory(folder_ / "outside");
    auto outside = (folder_ / "outside").string();
    EXPECT_EQ(refusal(Stream().directory("d").link("x", outside).directory("x").file("f", "")),
              "cannot make TARGET/x: File exists");
    EXPECT_EQ(refusal(Stream().directory("d").link("x", outside + "/f").file("x", "bytes")),
              "cannot make TARGET/x: File exists");
    EXPECT_EQ(names_in(folder_ / "outside"), std::set<std::string>());
}

TEST_F(TreeWriterTest, RejectsNamesThatLeadOutOfTheTree) {
    for (std::string name : {"..", ".", "", "/etc", "a/b", "../x"})
        EXPECT_EQ(refusal(Stream().directory("d").file(name, "")),
                  "what was sent for TARGET is broken: a name that no file may have")
            << name;
}

TEST_F(TreeWriterTest, RejectsDuplicateNames) {
    EXPECT_EQ(refusal(Stream().directory("d").file("x", "").file("x", "")),
              "cannot make TARGET/x: File exists");
    EXPECT_EQ(refusal(Stream().directory("d").file("x", "").link("x", "y")),
              "cannot make the link TARGET/x: File exists");
    EXPECT_EQ(refusal(Stream().directory("d").directory("x").leave().directory("x")),
              "cannot make TARGET/x: File exists");
}

TEST_F(TreeWriterTest, ATruncatedStreamLeavesNothing) {
    std::string whole =
        Stream().directory("d", 0).directory("e", 0).file("f", "x").leave().leave().end();
    for (std::size_t size = 0; size < whole.size(); ++size)
        ASSERT_EQ(refusal(whole.substr(0, size)), "what was sent for TARGET ended early") << size;
}

TEST_F(TreeWriterTest, ReservesNoSpaceForAnAnnouncedSize) {
    std::string stream =
        Stream().open("f").add({.kind = frames::EntryKind::data, .size = std::uint64_t{1} << 60});
    TreeWriter writer(target_);
    writer.feed(stream);
    writer.feed("only this");
    EXPECT_EQ(fs::file_size(fs::directory_iterator(folder_ / "out")->path()), 9u);
    EXPECT_EQ(writer.written_bytes(), 9u);
}

TEST_F(TreeWriterTest, RejectsTooDeepNesting) {
    Stream stream;
    for (std::size_t depth = 0; depth <= frames::max_depth; ++depth) stream.directory("d");
    EXPECT_EQ(refusal(stream),
              "what was sent for TARGET is broken: more than 200 nested directories");
}

TEST_F(TreeWriterTest, RejectsMoreEntriesThanItsLimit) {
    auto error = error_of([&] {
        std::string stream = Stream().directory("d").file("a", "").link("b", "x").file("c", "");
        TreeWriter writer(target_, Existing::refuse, {.entries = 3});
        writer.feed(stream);
    });
    EXPECT_TRUE(error.ends_with("target has more than 3 entries")) << error;
    EXPECT_FALSE(fs::exists(target_));
}

TEST_F(TreeWriterTest, DoesNotOverwriteAnExistingTarget) {
    write_file(target_, "old");
    EXPECT_TRUE(error_of([&] {
                    write(Stream().file("f", "new").end());
                }).ends_with("target exists already"));
    EXPECT_TRUE(
        error_of([&] { write(Stream().directory("d")); }).ends_with("target exists already"));
    EXPECT_EQ(read_file(target_), "old");
}

TEST_F(TreeWriterTest, DoesNotFollowALinkAtTheTarget) {
    fs::create_symlink(folder_ / "outside", target_);
    EXPECT_TRUE(
        error_of([&] { write(Stream().file("f", "new").end()); }).ends_with("exists already"));
    EXPECT_FALSE(fs::exists(folder_ / "outside"));
    EXPECT_TRUE(fs::is_symlink(target_));
}

TEST_F(TreeWriterTest, TheTargetAppearsWhenItIsComplete) {
    std::string stream = Stream().directory("d").file("f", "x").leave().end();
    TreeWriter writer(target_);
    writer.feed(stream);
    EXPECT_FALSE(fs::exists(target_));
    write_file(target_, "made meanwhile");
    EXPECT_THROW(writer.finish(), TargetExists);
    EXPECT_EQ(read_file(target_), "made meanwhile");
}

TEST_F(TreeWriterTest, ReplacesAFileByAFileOnly) {
    auto replace = [&](const std::string& stream) {
        TreeWriter writer(target_, Existing::replace_file);
        writer.feed(stream);
        writer.finish();
    };
    std::string file = Stream().file("f", "new").end();
    std::string tree = Stream().directory("d").leave().end();
    write_file(target_, "old");
    replace(file);
    EXPECT_EQ(read_file(target_), "new");
    EXPECT_THROW(replace(tree), TargetExists);
    fs::remove(target_);
    fs::create_directory(target_);
    EXPECT_THROW(replace(file), TargetExists);
    EXPECT_THROW(replace(tree), TargetExists);
    EXPECT_EQ(names_in(folder_ / "out"), std::set<std::string>{"target/"});
}

/// The error for the stream when the user `nobody` writes it; gives the folder to that user.
std::string error_without_rights(const fs::path& target, const std::string& stream) {
    constexpr uid_t nobody = 65534;
    auto folder = target.parent_path();
    fs::permissions(folder.parent_path(), fs::perms(0711));
    if (::chown(folder.c_str(), nobody, nobody) != 0) return "cannot give the folder away";
    int ends[2];
    if (::pipe(ends) != 0) return "no pipe";
    auto child = ::fork();
    if (child == 0) {
        if (::setgroups(0, nullptr) != 0 || ::setresgid(nobody, nobody, nobody) != 0 ||
            ::setresuid(nobody, nobody, nobody) != 0)
            ::_exit(1);
        auto error = error_of([&] {
            TreeWriter writer(target);
            writer.feed(stream);
            writer.finish();
        });
        ::_exit(::write(ends[1], error.data(), error.size()) > 0 ? 0 : 1);
    }
    ::close(ends[1]);
    char error[1000];
    auto size = ::read(ends[0], error, sizeof error);
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    return {error, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

TEST_F(TreeWriterTest, AnUnprivilegedUserWritesAReadOnlyDirectory) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, to give it up";
    std::string store = Stream().directory("d", 0555).directory("e", 0555).leave().leave().end();
    EXPECT_EQ(error_without_rights(target_, store), "no error");
    EXPECT_EQ(mode_of(target_), 0555u);
    EXPECT_EQ(mode_of(target_ / "e"), 0555u);
    auto cut = store.substr(0, store.size() - frames::entry_header_size);
    target_ = folder_ / "out/other";
    EXPECT_TRUE(error_without_rights(target_, cut).ends_with("ended early"));
    EXPECT_EQ(names_in(folder_ / "out"), (std::set<std::string>{"target/", "target/e/"}));
}

TEST_F(TreeWriterTest, KeepsFreeDiskSpace) {
    if (!mount_small("32m")) GTEST_SKIP() << "needs root";
    target_ = folder_ / "small/target";
    auto megabyte = content(1024 * 1024);
    TreeWriter writer(target_);
    writer.feed(std::string(Stream().open("f")));
    std::string error = "no error";
    for (int count = 0; count < 40 && error == "no error"; ++count)
        error = error_of([&] { writer.feed(std::string(Stream().data(megabyte))); });
    EXPECT_TRUE(error.ends_with("fills the disk: after 32.5 MB of it, less than 1.7 MB are free"))
        << error;
}

TEST_F(TreeWriterTest, ShowsNamesWithoutControlCharacters) {
    auto error = refusal(Stream().directory("d").file("\x1b[31mx\n", "").file("\x1b[31mx\n", ""));
    EXPECT_EQ(error, "cannot make TARGET/x\\x0a: File exists");
}

TEST_F(TreeWriterTest, NamesTheFileThatTheDiskHasNoSpaceFor) {
    if (!mount_small()) GTEST_SKIP() << "needs root";
    target_ = folder_ / "small/target";
    auto error = error_of([&] {
        write(Stream().directory("d").file("small", "x").file("big", content(2'000'000)).leave());
    });
    EXPECT_TRUE(error.ends_with("target/big: No space left on device")) << error;
    EXPECT_EQ(names_in(folder_ / "small"), std::set<std::string>());
}

}  // namespace
}  // namespace charioteer::files
