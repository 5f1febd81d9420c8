#include "partial_lines.hpp"

#include <gtest/gtest.h>

namespace charioteer::python {
namespace {

/// The id of another thread than the calling one.
std::thread::id other_thread() {
    std::thread thread([] {});
    auto id = thread.get_id();
    thread.join();
    return id;
}

const auto here = std::this_thread::get_id();
const auto there = other_thread();

TEST(PartialLines, GivesCompleteLinesInEverySplit) {
    const std::string text = "one\ntwo\n\nfour";
    for (std::size_t first = 0; first <= text.size(); ++first) {
        for (std::size_t second = first; second <= text.size(); ++second) {
            PartialLines lines;
            auto all = lines.complete(here, Stream::output, text.substr(0, first));
            all += lines.complete(here, Stream::output, text.substr(first, second - first));
            all += lines.complete(here, Stream::output, text.substr(second));
            EXPECT_EQ(all, "one\ntwo\n\n") << first << ' ' << second;
            EXPECT_EQ(lines.of(here, Stream::output), "four") << first << ' ' << second;
        }
    }
}

TEST(PartialLines, LinesOfThreadsAndStreamsAreApart) {
    PartialLines lines;
    lines.complete(here, Stream::output, "mine ");
    lines.complete(there, Stream::output, "theirs ");
    lines.complete(here, Stream::error, "an error ");
    EXPECT_EQ(lines.complete(here, Stream::output, "too\n"), "mine too\n");
    EXPECT_EQ(lines.complete(there, Stream::output, "too\n"), "theirs too\n");
    EXPECT_EQ(lines.complete(here, Stream::error, "too\n"), "an error too\n");
}

TEST(PartialLines, ALineOf64KiBIsComplete) {
    PartialLines lines;
    std::string most((64 << 10) - 1, 'x');
    EXPECT_EQ(lines.complete(here, Stream::output, most), "");
    EXPECT_EQ(lines.complete(here, Stream::output, "y"), most + "y");
    EXPECT_EQ(lines.of(here, Stream::output), "");
}

TEST(PartialLines, TakingRemovesTheLine) {
    PartialLines lines;
    EXPECT_EQ(lines.take(here, Stream::output), "");
    lines.complete(here, Stream::output, "partial");
    EXPECT_EQ(lines.take(here, Stream::output), "partial");
    EXPECT_EQ(lines.take(here, Stream::output), "");
}

TEST(PartialLines, TakingAllIsOfOneStream) {
    PartialLines lines;
    lines.complete(here, Stream::output, "a");
    lines.complete(there, Stream::output, "a");
    lines.complete(here, Stream::error, "b");
    EXPECT_EQ(lines.take_all(Stream::output), "aa");
    EXPECT_EQ(lines.take_all(Stream::output), "");
    EXPECT_EQ(lines.of(here, Stream::error), "b");
}

TEST(PartialLines, ClearingForgetsEverything) {
    PartialLines lines;
    lines.complete(here, Stream::output, "a");
    lines.clear();
    EXPECT_EQ(lines.of(here, Stream::output), "");
}

TEST(FileEnd, IsOpenAfterAnIncompleteLine) {
    FileEnd end;
    EXPECT_FALSE(end.is_open());
    end.written(here, "part");
    EXPECT_TRUE(end.is_open());
    EXPECT_FALSE(end.is_open_by_other(here));
    EXPECT_TRUE(end.is_open_by_other(there));
    end.written(here, " and the rest\n");
    EXPECT_FALSE(end.is_open());
    EXPECT_FALSE(end.is_open_by_other(there));
}

TEST(FileEnd, WritingNothingChangesNothing) {
    FileEnd end;
    end.written(here, "part");
    end.written(here, "");
    EXPECT_TRUE(end.is_open());
}

TEST(FileEnd, TheLineEndOfALineThatWasEndedIsLeftOut) {
    FileEnd end;
    end.written(here, "part");
    end.end_line();
    EXPECT_FALSE(end.is_open());
    EXPECT_EQ(end.left_out(there, "\n"), 0U);
    EXPECT_EQ(end.left_out(here, "\nnext"), 1U);
    EXPECT_EQ(end.left_out(here, "\n"), 0U);
}

TEST(FileEnd, TheRestOfALineThatWasEndedIsKept) {
    FileEnd end;
    end.written(here, "part");
    end.end_line();
    EXPECT_EQ(end.left_out(here, "rest\n"), 0U);
    EXPECT_EQ(end.left_out(here, "\n"), 0U);
}

TEST(FileEnd, ForgetsALineThatAnotherProgramMayHaveCompleted) {
    FileEnd end;
    end.written(here, "part");
    end.forget();
    EXPECT_FALSE(end.is_open());
    end.written(here, "part");
    end.end_line();
    end.forget();
    EXPECT_EQ(end.left_out(here, "\n"), 0U);
}

}  // namespace
}  // namespace charioteer::python
