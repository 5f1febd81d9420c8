// The agent's programs `send` and `receive`, run on this host, with each other and with the host's
// reader and writer.

#include <sys/inotify.h>

#include "fakes/swapper.hpp"
#include "unit/files/transfer_fixture.hpp"

namespace charioteer::files {
namespace {

TEST_F(TransferTest, CopiesAFile) {
    write_file(folder_ / "data", content(3'000'000), 0750);
    auto back = round_trip(folder_ / "data");
    EXPECT_EQ(read_file(back), content(3'000'000));
    EXPECT_EQ(mode_of(back), 0750u);
    EXPECT_EQ(in_guest(), (std::set<std::string>{"new/", "new/there"}));
}

TEST_F(TransferTest, CopiesATree) {
    fs::create_directories(tree_ / "sub/empty");
    write_file(tree_ / "data", content(100'000), 0604);
    write_file(tree_ / "nothing", "");
    write_file(tree_ / "sub/x y\n", "z", 0511);
    fs::create_symlink("../data", tree_ / "sub/link");
    ::chmod((tree_ / "sub/empty").c_str(), 0500);
    ::chmod((tree_ / "sub").c_str(), 0555);
    auto back = round_trip(tree_);
    EXPECT_EQ(names_in(back), names_in(tree_));
    EXPECT_EQ(read_file(back / "data"), content(100'000));
    for (std::string name : {"", "sub", "sub/empty", "data", "sub/x y\n"})
        EXPECT_EQ(mode_of(back / name), mode_of(tree_ / name)) << name;
}

TEST_F(TransferTest, CopiesMoreFilesThanItsBuffersHold) {
    auto name = [](int number) { return fmt::format("{:0200}", number); };
    fs::create_directories(tree_);
    for (int number = 0; number < 700; ++number)
        write_file(tree_ / name(number), fmt::format("{:0400}", number));
    auto back = round_trip(tree_);
    EXPECT_EQ(names_in(back), names_in(tree_));
    EXPECT_EQ(read_file(back / name(699)), fmt::format("{:0400}", 699));
}

TEST_F(TransferTest, WorksWithPipes) {
    write_file(guest_ / "data", content(5'000'000));
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    io::UniqueFd output(ends[0]);
    io::UniqueFd input(ends[1]);
    Program sender("send", guest_ / "data", 0, input.get(), 2);
    Program receiver("receive", guest_ / "copy", output.get(), 1, 2);
    input.reset();
    EXPECT_EQ(sender.wait(), 0);
    EXPECT_EQ(receiver.wait(), 0);
    EXPECT_EQ(read_file(guest_ / "copy"), content(5'000'000));
}

TEST_F(TransferTest, ResolvesRelativePathsInItsDirectory) {
    auto before = fs::current_path();
    fs::current_path(guest_);
    EXPECT_EQ(receive(Stream().file("f", "x").end(), "new/a"), "");
    EXPECT_EQ(receive(Stream().file("f", "x").end(), "b"), "");
    EXPECT_EQ(receive(Stream().file("f", "x").end(), "."), "");
    EXPECT_EQ(send("new/a"), std::string(Stream().file("a", "x").end()));
    fs::current_path(before);
    EXPECT_EQ(in_guest(), (std::set<std::string>{"new/", "new/a", "b", "f"}));
}

TEST_F(TransferTest, KeepsAllPermissionsInTheGuest) {
    auto mask = ::umask(077);
    EXPECT_EQ(
        receive(Stream().directory("d", 02775).file("f", "", 04711).leave().end(), guest_ / "d"),
        "");
    ::umask(mask);
    EXPECT_EQ(mode_of(guest_ / "d"), 02775u);
    EXPECT_EQ(mode_of(guest_ / "d/f"), 04711u);
}

TEST_F(TransferTest, ReplacesAFileAtomically) {
    write_file(guest_ / "f", "old", 0600);
    std::ifstream reader(guest_ / "f");
    EXPECT_EQ(receive(Stream().file("g", "new", 0644).end(), guest_ / "f"), "");
    std::string line;
    std::getline(reader, line);
    EXPECT_EQ(line, "old");
    EXPECT_EQ(read_file(guest_ / "f"), "new");
    EXPECT_EQ(mode_of(guest_ / "f"), 0644u);
}

TEST_F(TransferTest, ATruncatedStreamLeavesOnlyTheOldFile) {
    write_file(guest_ / "f", "old");
    std::string file = Stream().file("g", "new").end();
    std::string tree = Stream().directory("d").file("a", "x").directory("e").leave().leave().end();
    for (std::size_t size = 0; size < file.size(); ++size)
        ASSERT_EQ(receive(file.substr(0, size), guest_ / "f"),
                  "receive: /guest/f: the data ended early\n");
    for (std::size_t size = 0; size < tree.size(); size += 5)
        ASSERT_EQ(receive(tree.substr(0, size), guest_ / "d"),
                  "receive: /guest/d: the data ended early\n");
    EXPECT_EQ(in_guest(), std::set<std::string>{"f"});
    EXPECT_EQ(read_file(guest_ / "f"), "old");
}

TEST_F(TransferTest, LeavesNothingWhenItIsKilledByASignal) {
    for (const std::string& begun : {std::string(Stream().open("f").data(content(1000))),
                                     std::string(Stream().directory("f").file("a", "x"))}) {
        io::UniqueFd watch(::inotify_init1(IN_CLOEXEC));
        ::inotify_add_watch(watch.get(), guest_.c_str(), IN_CREATE);
        int ends[2];
        ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        io::UniqueFd output(ends[0]);
        io::UniqueFd input(ends[1]);
        Program program("receive", guest_ / "f", output.get(), 1, 2);
        ASSERT_EQ(::write(input.get(), begun.data(), begun.size()),
                  static_cast<ssize_t>(begun.size()));
        char event[4096];
        ASSERT_GT(::read(watch.get(), event, sizeof event), 0);
        EXPECT_EQ(program.end_by(SIGTERM), 128 + SIGTERM);
        EXPECT_EQ(in_guest(), std::set<std::string>());
    }
}

TEST_F(TransferTest, CopiesIntoAnExistingDirectoryByName) {
    fs::create_directories(guest_ / "there");
    fs::create_symlink("there", guest_ / "link");
    EXPECT_EQ(receive(Stream().file("f", "x").end(), guest_ / "there"), "");
    EXPECT_EQ(receive(Stream().directory("d").leave().end(), guest_ / "link"), "");
    EXPECT_EQ(receive(Stream().file("f", "x").end(), guest_ / "new/below/"), "");
    EXPECT_EQ(receive(Stream().directory("d").leave().end(), guest_ / "other//"), "");
    EXPECT_EQ(in_guest(), (std::set<std::string>{"there/", "there/f", "there/d/", "link -> there",
                                                 "new/", "new/below/", "new/below/f", "other/"}));
}

TEST_F(TransferTest, MergesIntoADirectoryThatExists) {
    fs::create_directories(guest_ / "d/sub");
    write_file(guest_ / "d/kept", "kept");
    write_file(guest_ / "d/replaced", "old");
    write_file(guest_ / "d/behind", "old");
    fs::create_symlink("behind", guest_ / "d/through");
    fs::create_symlink("kept", guest_ / "d/link");
    ::chmod((guest_ / "d").c_str(), 0711);
    auto stream = Stream()
                      .directory("d", 0755)
                      .link("link", "replaced")
                      .file("replaced", "new")
                      .file("through", "new")
                      .directory("sub")
                      .file("f", "x")
                      .leave()
                      .directory("fresh", 0700)
                      .file("f", "x")
                      .leave()
                      .leave()
                      .end();
    EXPECT_EQ(receive(stream, guest_), "");
    EXPECT_EQ(names_in(guest_ / "d"),
              (std::set<std::string>{"kept", "replaced", "behind", "through -> behind",
                                     "link -> replaced", "sub/", "sub/f", "fresh/", "fresh/f"}));
    EXPECT_EQ(read_file(guest_ / "d/replaced"), "new");
    EXPECT_EQ(read_file(guest_ / "d/behind"), "new");
    EXPECT_EQ(mode_of(guest_ / "d"), 0711u);
    EXPECT_EQ(mode_of(guest_ / "d/fresh"), 0700u);
}

TEST_F(TransferTest, ReplacesWhatALinkPointsTo) {
    fs::create_directories(guest_ / "a/b");
    write_file(guest_ / "a/f", "old");
    fs::create_symlink("../f", guest_ / "a/b/one");
    fs::create_symlink("a/b/one", guest_ / "two");
    fs::create_symlink(guest_ / "a/dangling", guest_ / "three");
    EXPECT_EQ(receive(Stream().file("f", "new").end(), guest_ / "two"), "");
    EXPECT_EQ(receive(Stream().file("f", "new").end(), guest_ / "three"), "");
    EXPECT_EQ(read_file(guest_ / "a/f"), "new");
    EXPECT_EQ(read_file(guest_ / "a/dangling"), "new");
    EXPECT_TRUE(fs::is_symlink(guest_ / "two"));
    EXPECT_TRUE(fs::is_symlink(guest_ / "three"));
}

TEST_F(TransferTest, ReportsWhyItFails) {
    write_file(guest_ / "f", "old");
    fs::create_directories(guest_ / "d/x");
    fs::create_symlink("self", guest_ / "self");
    std::string file = Stream().file("x", "new").end();
    std::string tree = Stream().directory("x").leave().end();
    EXPECT_EQ(receive(file, guest_ / "f/x"), "receive: /guest/f/x: not a directory\n");
    EXPECT_EQ(receive(file, guest_ / "f/"), "receive: /guest/f: not a directory\n");
    EXPECT_EQ(receive(tree, guest_ / "f"), "receive: /guest/f: not a directory\n");
    EXPECT_EQ(receive(file, guest_ / "d"), "receive: /guest/d/x: is a directory\n");
    EXPECT_EQ(receive(file, guest_ / "self"),
              "receive: /guest/self: too many nested symbolic links\n");
    EXPECT_EQ(receive(file, guest_ / std::string(256, 'n')),
              fmt::format("receive: /guest/{}: name too long\n", std::string(256, 'n')));
    EXPECT_EQ(receive(file, ""), "receive: : no such file or directory\n");
    EXPECT_EQ(receive("noise of 16 bytes", guest_ / "f"),
              "receive: /guest/f: an entry of an unknown kind\n");
    EXPECT_EQ(receive(Stream().directory("d").file("x", "").end(), guest_),
              "receive: /guest/d/x: is a directory\n");
    EXPECT_EQ(read_file(guest_ / "f"), "old");
    EXPECT_EQ(in_guest(), (std::set<std::string>{"f", "d/", "d/x/", "self -> self"}));
}

TEST_F(TransferTest, WritesIntoADevice) {
    EXPECT_EQ(receive(Stream().file("x", "bytes").end(), "/dev/null"), "");
    EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(TransferTest, DoesNotWaitForAReaderOfAPipe) {
    ::mkfifo((guest_ / "pipe").c_str(), 0600);
    std::string stream = Stream().file("x", content(200'000)).end();
    EXPECT_EQ(receive(stream, guest_ / "pipe"),
              "receive: /guest/pipe: a pipe without a reader, a socket, or a device that does "
              "not exist\n");
    EXPECT_TRUE(fs::is_fifo(guest_ / "pipe"));
}

TEST_F(TransferTest, WritesEverythingIntoAPipeThatIsRead) {
    ::mkfifo((guest_ / "pipe").c_str(), 0600);
    auto reader = open(guest_ / "pipe", O_RDONLY | O_NONBLOCK);
    ::fcntl(reader.get(), F_SETFL, 0);
    std::string stream = Stream().file("x", content(200'000)).end();
    write_file(folder_ / "stream", stream);
    auto in = open(folder_ / "stream", O_RDONLY);
    Program program("receive", guest_ / "pipe", in.get(), 1, 2);
    std::string read(200'000, '\0');
    for (std::size_t at = 0; at < read.size();) {
        auto got = ::read(reader.get(), read.data() + at, read.size() - at);
        // Nothing is read while the program has not opened the pipe.
        ASSERT_GE(got, 0);
        at += static_cast<std::size_t>(got);
    }
    EXPECT_EQ(program.wait(), 0);
    EXPECT_EQ(read, content(200'000));
}

TEST_F(TransferTest, NamesTheFileThatTheDiskHasNoSpaceFor) {
    if (!mount_small()) GTEST_SKIP() << "needs root";
    auto small = folder_ / "small";
    write_file(small / "f", "old");
    EXPECT_EQ(receive(Stream().file("x", content(2'000'000)).end(), small / "f"),
              "receive: /small/f: no space left\n");
    EXPECT_EQ(receive(Stream().directory("x").file("y", content(2'000'000)).end(), small),
              "receive: /small/x/y: no space left\n");
    EXPECT_EQ(names_in(small), std::set<std::string>{"f"});
    EXPECT_EQ(read_file(small / "f"), "old");
}

TEST_F(TransferTest, SendsTheTargetOfALinkAndInnerLinksAsLinks) {
    fs::create_directories(tree_);
    fs::create_symlink("/etc/passwd", tree_ / "out");
    fs::create_symlink("tree", folder_ / "link");
    EXPECT_EQ(send(folder_ / "link"),
              std::string(Stream().directory("link").link("out", "/etc/passwd").leave().end()));
    EXPECT_EQ(send(tree_.string() + "//"), send(tree_));
}

TEST_F(TransferTest, ReportsSkippedEntries) {
    fs::create_directories(tree_);
    ::mkfifo((tree_ / "pipe\n").c_str(), 0600);
    auto result = run("send", tree_);
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.errors,
              "send: /tree/pipe?: skipped: neither a file, a directory nor a link\n");
    EXPECT_EQ(result.output, std::string(Stream().directory("tree").leave().end()));
}

TEST_F(TransferTest, ReportsWhatItCannotSend) {
    EXPECT_EQ(run("send", folder_ / "nothing").errors,
              "send: /nothing: no such file or directory\n");
    EXPECT_EQ(run("send", "/dev/null").errors, "send: /dev/null: neither a file nor a directory\n");
    auto path = tree_;
    for (std::size_t depth = 0; depth < frames::max_depth; ++depth) path /= "d";
    fs::create_directories(path);
    auto result = run("send", tree_);
    EXPECT_EQ(result.status, 1);
    EXPECT_TRUE(result.errors.ends_with("d/d: more than 200 nested directories\n"));
}

TEST_F(TransferTest, SendsFilesOfProcWhoseSizeIsZero) {
    TreeWriter writer(folder_ / "copy");
    writer.feed(send("/proc/version"));
    writer.finish();
    EXPECT_EQ(read_file(folder_ / "copy"), read_file("/proc/version"));
}

TEST_F(TransferTest, SendsNothingFromOutsideWhileLinksAreSwapped) {
    fs::create_directories(tree_ / "dir");
    fs::create_directories(tree_ / "swap");
    fs::create_directories(folder_ / "outside");
    write_file(folder_ / "outside/f", "outside");
    write_file(tree_ / "dir/f", "inside");
    write_file(tree_ / "file", "inside");
    fs::create_symlink(folder_ / "outside", tree_ / "swap/dir");
    fs::create_symlink(folder_ / "outside/f", tree_ / "swap/file");
    fakes::Swapper swapper(
        {{tree_ / "dir", tree_ / "swap/dir"}, {tree_ / "file", tree_ / "swap/file"}});
    while (swapper.count() == 0) std::this_thread::yield();
    for (int round = 0; round < 100; ++round) {
        auto copy = folder_ / fmt::format("copy{}", round);
        TreeWriter writer(copy);
        writer.feed(send(tree_));
        writer.finish();
        for (const auto& entry : fs::recursive_directory_iterator(copy)) {
            if (entry.is_symlink() || !entry.is_regular_file()) continue;
            ASSERT_EQ(read_file(entry.path()), "inside") << entry.path();
        }
    }
}

}  // namespace
}  // namespace charioteer::files
