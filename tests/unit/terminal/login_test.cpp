#include "terminal/login.hpp"

#include <gmock/gmock.h>
#include <stdio.h>

#include <cstdlib>

namespace charioteer::terminal {

namespace {

using testing::HasSubstr;
using testing::Not;

/// The output of the command line `words` in a login shell of this host.
std::string run_login(const std::string& words, const Opening& opening) {
    ::setenv("LOGIN_SCRIPT", login_command(opening).text.c_str(), 1);
    ::setenv("LEAKED", "from the agent", 1);
    auto pipeline = "printf '%s\\n' '" + words + "' | sh -c \"$LOGIN_SCRIPT\" 2>/dev/null";
    auto* pipe = ::popen(pipeline.c_str(), "r");
    std::string output;
    char piece[256];
    while (auto size = ::fread(piece, 1, sizeof piece, pipe)) output.append(piece, size);
    ::pclose(pipe);
    return output;
}

TEST(Login, RunsRootsShellInACleanEnvironment) {
    Opening opening{.size = command::TerminalSize{}, .kind = "xterm-256color"};
    auto output = run_login("echo $USER:$LOGNAME:$HOME:$TERM:; env", opening);
    EXPECT_THAT(output, HasSubstr("root:root:/root:xterm-256color:"));
    EXPECT_THAT(output, HasSubstr("SHELL=/"));
    EXPECT_THAT(output, HasSubstr("PATH=/"));
    EXPECT_THAT(output, Not(HasSubstr("LEAKED")));
}

TEST(Login, GetsATerminalOfTheClientsSize) {
    auto command =
        login_command({.size = command::TerminalSize{.rows = 50, .columns = 132}, .kind = "vt100"});
    ASSERT_TRUE(command.terminal);
    EXPECT_EQ(command.terminal->rows, 50);
    EXPECT_EQ(command.terminal->columns, 132);
}

TEST(Login, GetsItsInputWithoutATerminal) {
    auto command = login_command({});
    EXPECT_FALSE(command.terminal);
    EXPECT_TRUE(command.stream_input);
    EXPECT_THAT(command.text, HasSubstr("TERM=dumb "));
}

TEST(Login, RejectsATerminalTypeThatIsNotAName) {
    for (auto kind : {"", "x; reboot", "$(reboot)", "a'b", "two\nlines"}) {
        auto command = login_command({.size = command::TerminalSize{}, .kind = kind});
        EXPECT_THAT(command.text, HasSubstr("TERM=dumb ")) << kind;
    }
}

}  // namespace

}  // namespace charioteer::terminal
