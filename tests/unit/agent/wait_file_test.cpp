#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "fakes/temporary_directory.hpp"
#include "unit/agent/built_in_program.hpp"

namespace charioteer::agent {
namespace {

namespace fs = std::filesystem;

/// Patterns are relative to a new directory, which is also the home.
class WaitFile : public testing::Test {
protected:
    fs::path path(const std::string& name) const { return directory_.path() / name; }
    void touch(const std::string& name) const { std::ofstream(path(name)).close(); }
    void make(const std::string& name) const { fs::create_directories(path(name)); }

    ProgramOptions here() const {
        return {.directory = directory_.path(),
                .environment = {"HOME=" + directory_.path().string()}};
    }
    int status(const std::string& pattern) const {
        return BuiltInProgram({"wait-file", pattern}, here()).status();
    }
    bool waits(const std::string& pattern) const {
        return BuiltInProgram({"wait-file", pattern}, here()).keeps_waiting();
    }
    /// Expects that a wait lasts until `action`.
    template <class Action>
    void expect_end(const std::string& pattern, Action action) const {
        BuiltInProgram wait({"wait-file", pattern}, here());
        ASSERT_TRUE(wait.keeps_waiting()) << pattern;
        action();
        EXPECT_EQ(wait.status(), 0) << pattern;
        EXPECT_EQ(wait.errors(), "");
    }

    fakes::TemporaryDirectory directory_;
};

TEST_F(WaitFile, EndsImmediatelyForExistingFiles) {
    make("a/b");
    touch("a/b/file.txt");
    touch("[set]");
    for (const auto* pattern :
         {"a", "a/", "./a//b/file.txt", "a/../a/b/*", "*/*/*.txt", "?/b", "~", "~/", "~/a/b",
          "~/?/[a-c]/file.tx[!a-s]", "[!b]/[^ac]", "a/b/f*e*.t*t", "a/b/f****", "[[]set[]]"})
        EXPECT_EQ(status(pattern), 0) << pattern;
    EXPECT_EQ(status(path("a/b/file.txt")), 0);
}

TEST_F(WaitFile, WaitsWhileNothingMatches) {
    make("a");
    touch("a/file");
    touch("a/.hidden");
    for (const auto* pattern : {"b", "a/file/", "a/file/x", "a/?", "a/[!f]ile", "a/[]f", "*/hidden",
                                "a/*hidden", "a/?hidden", "a/[.]hidden", "a/fil", "a/*.*", "[a"})
        EXPECT_TRUE(waits(pattern)) << pattern;
}

TEST_F(WaitFile, MatchesALeadingDotOnlyByADot) {
    touch(".hidden");
    EXPECT_EQ(status(".h*"), 0);
    EXPECT_EQ(status(".?idden"), 0);
    fs::remove(path(".hidden"));
    EXPECT_TRUE(waits(".*"));  // "." and ".." do not count as matches
}

TEST_F(WaitFile, SeesAFileAppear) {
    expect_end("file", [&] { touch("file"); });
    expect_end("*.log", [&] { touch("x.log"); });
    expect_end("~/home", [&] { touch("home"); });
}

TEST_F(WaitFile, FollowsDirectoriesAsTheyAppear) {
    expect_end("a/b/c/file", [&] {
        make("a");
        make("a/b/c");
        touch("a/b/c/file");
    });
    expect_end("x/*/y/?", [&] {
        make("x/1");
        make("x/2/y");
        touch("x/2/y/z");
    });
}

TEST_F(WaitFile, WatchesEveryDirectoryThatMatches) {
    for (int number = 0; number < 100; ++number) make("d" + std::to_string(number));
    expect_end("d*/first", [&] { touch("d0/first"); });
    expect_end("d*/last", [&] { touch("d99/last"); });
}

TEST_F(WaitFile, SeesAFileThatIsMovedThere) {
    make("aside/b");
    touch("aside/b/file");
    expect_end("a/b/file", [&] { fs::rename(path("aside"), path("a")); });
    expect_end("a/b/other", [&] { fs::rename(path("a/b/file"), path("a/b/other")); });
}

TEST_F(WaitFile, FollowsADirectoryThatIsReplaced) {
    make("a");
    expect_end("a/file", [&] {
        fs::remove(path("a"));
        make("a");
        touch("a/file");
    });
    fs::remove(path("a/file"));
    make("new");
    touch("new/file");
    expect_end("a/file", [&] {
        fs::rename(path("a"), path("old"));
        fs::rename(path("new"), path("a"));
    });
}

TEST_F(WaitFile, FollowsLinksAndWaitsForTheTargetOfDanglingOnes) {
    make("real");
    fs::create_directory_symlink("real", path("link"));
    expect_end("link/file", [&] { touch("real/file"); });
    fs::create_symlink("elsewhere/target", path("dangling"));
    make("elsewhere");
    expect_end("dangling", [&] { touch("elsewhere/target"); });
    fs::remove(path("elsewhere/target"));
    expect_end("dang*", [&] { touch("elsewhere/target"); });
}

TEST_F(WaitFile, WaitsForAMissingDirectory) {
    ProgramOptions gone = here();
    gone.environment = {"HOME=" + path("missing").string()};
    BuiltInProgram wait({"wait-file", "~/file"}, gone);
    ASSERT_TRUE(wait.keeps_waiting(3));
    make("missing");
    touch("missing/file");
    EXPECT_EQ(wait.status(), 0);
}

TEST_F(WaitFile, UsesLittleProcessorTimeInABusyDirectory) {
    BuiltInProgram wait({"wait-file", "file"}, here());
    ASSERT_TRUE(wait.keeps_waiting());
    auto share = wait.share_of_a_processor([&] {
        for (int count = 0; count < 100; ++count) {
            touch("other");
            fs::remove(path("other"));
            ASSERT_TRUE(wait.keeps_waiting(1));
        }
    });
    EXPECT_LT(share, 0.02);
    touch("file");
    EXPECT_EQ(wait.status(), 0);
}

TEST_F(WaitFile, RejectsPatternsThatNeedAShell) {
    for (const auto* pattern :
         {"",    "a b",  "'a'",  "\"a\"",       "$HOME",   "`id`",    "a\\*",  "a;b",
          "a&b", "a|b",  "<a",   ">a",          "(a)",     "{a,b}",   "~root", "~root/x",
          "#a",  "a\tb", "a\nb", "[[:alpha:]]", "[[.a.]]", "[x[=a=]]"}) {
        BuiltInProgram wait({"wait-file", pattern}, here());
        EXPECT_EQ(wait.status(), 3) << pattern;
        EXPECT_EQ(wait.errors(), "wait-file: only a shell can expand this\n");
    }
    ProgramOptions homeless = here();
    homeless.environment.clear();
    EXPECT_EQ(BuiltInProgram({"wait-file", "~/a"}, homeless).status(), 3);
}

}  // namespace
}  // namespace charioteer::agent
