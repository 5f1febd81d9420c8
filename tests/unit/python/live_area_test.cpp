#include "live_area.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "screen.hpp"

namespace charioteer::python {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::size_t tall = 24;

class LiveAreaTest : public ::testing::Test {
protected:
    void show(const std::string& text, std::size_t rows = tall) {
        screen_.write(area_.below(text, rows));
    }

    LiveArea area_;
    Screen screen_;
};

TEST_F(LiveAreaTest, WithoutLinesOnlyTheTextIsWritten) {
    EXPECT_EQ(area_.below("a line\n", tall), "a line\n");
    EXPECT_EQ(area_.below("", tall), "");
}

TEST_F(LiveAreaTest, StaysBelowTextThatComesLater) {
    area_.set_lines({"web ready", "db booting"});
    show("first\n");
    show("second\nthird\n");
    EXPECT_THAT(screen_.rows(), ElementsAre("first", "second", "third", "web ready", "db booting"));
}

TEST_F(LiveAreaTest, ShorterAreasLeaveNothingOfLongerOnes) {
    area_.set_lines({"a long line of one machine", "and another", "and one more"});
    show("text\n");
    area_.set_lines({"short"});
    show("");
    EXPECT_THAT(screen_.rows(), ElementsAre("text", "short"));
    area_.set_lines({});
    show("end\n");
    EXPECT_THAT(screen_.rows(), ElementsAre("text", "end"));
}

TEST_F(LiveAreaTest, TheCursorStandsAtItsBegin) {
    area_.set_lines({"one", "two", "three"});
    show("text\n");
    EXPECT_EQ(screen_.row(), 1U);
    EXPECT_EQ(screen_.column(), 0U);
}

TEST_F(LiveAreaTest, AnIncompleteLineIsShownAboveTheLines) {
    area_.set_lines({"web ready"});
    area_.set_open_line("waiting...");
    EXPECT_TRUE(area_.has_open_line());
    show("text\n");
    EXPECT_THAT(screen_.rows(), ElementsAre("text", "waiting...", "web ready"));
    area_.set_open_line("");
    show("waiting... done\n");
    EXPECT_THAT(screen_.rows(), ElementsAre("text", "waiting... done", "web ready"));
}

TEST_F(LiveAreaTest, IsCutToLeaveARowOfTheTerminalFree) {
    area_.set_lines({"1", "2", "3", "4"});
    show("", 3);
    EXPECT_THAT(screen_.rows(), ElementsAre("1", "2"));
}

TEST_F(LiveAreaTest, HasOneRowInATerminalWithoutASize) {
    area_.set_lines({"1", "2"});
    show("", 0);
    EXPECT_THAT(screen_.rows(), ElementsAre("1"));
}

TEST_F(LiveAreaTest, WrappingIsOnAgainAfterIt) {
    area_.set_lines({"web ready"});
    show("text\n");
    EXPECT_TRUE(screen_.wraps());
}

TEST_F(LiveAreaTest, IsChangedOnlyByOtherLinesThanThoseShown) {
    EXPECT_FALSE(area_.is_changed());
    area_.set_lines({"web ready"});
    EXPECT_TRUE(area_.is_changed());
    show("");
    EXPECT_FALSE(area_.is_changed());
    area_.set_lines({"web ready"});
    EXPECT_FALSE(area_.is_changed());
    area_.set_open_line("partial");
    EXPECT_TRUE(area_.is_changed());
}

TEST_F(LiveAreaTest, NothingIsErasedBeforeItWasShown) {
    area_.set_lines({"web ready"});
    EXPECT_EQ(area_.below("text\n", tall).find("\x1b[J"), std::string::npos);
    area_.set_lines({});
    EXPECT_NE(area_.below("", tall).find("\x1b[J"), std::string::npos);
    EXPECT_THAT(area_.below("", tall), IsEmpty());
}

}  // namespace
}  // namespace charioteer::python
