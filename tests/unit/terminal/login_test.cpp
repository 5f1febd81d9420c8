#include "terminal/login.hpp"

#include <gmock/gmock.h>
#include <stdio.h>

#include <cstdlib>

namespace charioteer::terminal {

namespace {

using testing::HasSubstr;
using testing::Not;

/// What a login shell of this host prints, which is told `words`; none of its profile counts.
std::string said_by_login(const std::string& words, const Opening& opening) {
    ::setenv("LOGIN_SCRIPT", login_command(opening).text.c_str(), 1);
    ::setenv("LEAKED", "from the agent", 1);
    auto pipeline = "printf '%s\\n' '" + words + "' | sh -c \"$LOGIN_SCRIPT\" 2>/dev/null";
    auto* pipe = ::popen(pipeline.c_str(), "r");
    std::string said;
    char piece[256];
    while (auto size = ::fread(piece, 1, sizeof piece, pipe)) said.append(piece, size);
    ::pclose(pipe);
    return said;
}

TEST(Login, IsRootsInACleanEnvironment) {
    Opening opening{.size = command::TerminalSize{}, .kind = "xterm-256color"};
    auto said = said_by_login("echo $USER:$LOGNAME:$HOME:$TERM:; env", opening);
    EXPECT_THAT(said, HasSubstr("root:root:/root:xterm-256color:"));
    EXPECT_THAT(said, HasSubstr("SHELL=/"));
    EXPECT_THAT(said, HasSubstr("PATH=/"));
    EXPECT_THAT(said, Not(HasSubstr("LEAKED")));
}

TEST(Login, GetsATerminalOfTheVisitorsSize) {
    auto command =
        login_command({.size = command::TerminalSize{.rows = 50, .columns = 132}, .kind = "vt100"});
    ASSERT_TRUE(command.terminal);
    EXPECT_EQ(command.terminal->rows, 50);
    EXPECT_EQ(command.terminal->columns, 132);
}

TEST(Login, GetsItsInputWhereThereIsNoTerminal) {
    auto command = login_command({});
    EXPECT_FALSE(command.terminal);
    EXPECT_TRUE(command.stream_input);
    EXPECT_THAT(command.text, HasSubstr("TERM=dumb "));
}

TEST(Login, TakesNoKindOfTerminalThatIsMoreThanAName) {
    for (auto kind : {"", "x; reboot", "$(reboot)", "a'b", "two\nlines"}) {
        auto command = login_command({.size = command::TerminalSize{}, .kind = kind});
        EXPECT_THAT(command.text, HasSubstr("TERM=dumb ")) << kind;
    }
}

}  // namespace

}  // namespace charioteer::terminal
