#include "shell/plain_codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "io/error.hpp"

namespace charioteer::shell {
namespace {

using testing::ElementsAre;

/// Everything that `reader` makes of what it has, as "number status output".
void collect(AnswerReader& reader, std::vector<std::string>& answers) {
    while (auto answer = reader.next()) {
        auto text = answer->damage.empty() ? answer->output : "damaged";
        answers.push_back(std::to_string(answer->number) + " " + std::to_string(answer->status) +
                          " " + text);
    }
}

std::vector<std::string> answers_in(std::string_view bytes) {
    AnswerReader reader;
    std::vector<std::string> answers;
    reader.feed(bytes);
    collect(reader, answers);
    return answers;
}

Command plain(std::string text) {
    Command command;
    command.text = std::move(text);
    return command;
}

TEST(CommandLine, IsThisToTheByte) {
    EXPECT_EQ(command_line(plain("ls /"), 7),
              "bash -c 'set -euo pipefail; ls /' </dev/null | "
              "(echo -n \"#7=\"; base64 -w 0; echo); echo \"#7:${PIPESTATUS[0]}\"\n");
}

TEST(CommandLine, LimitsInTheGuest) {
    auto command = plain("true");
    command.guest_limit = "0.5";
    EXPECT_TRUE(command_line(command, 1).starts_with("timeout 0.5 bash -c '"));
}

TEST(CommandLine, QuotesSingleQuotesAndKeepsLines) {
    auto line = command_line(plain("echo 'a'\necho b"), 1);
    EXPECT_NE(line.find("; echo '\"'\"'a'\"'\"'\necho b'"), std::string::npos) << line;
}

TEST(CommandLine, RefusesWhatLinuxCouldNotRun) {
    constexpr std::size_t room = 128 * 1024 - 1 - std::string_view("set -euo pipefail; ").size();
    EXPECT_NO_THROW(command_line(plain(std::string(room, 'x')), 1));
    EXPECT_THROW(command_line(plain(std::string(room + 1, 'x')), 1), io::UsageError);
    EXPECT_THROW(command_line(plain(std::string("a\0b", 3)), 1), io::UsageError);
}

TEST(AnswerReader, TakesAnswersCutAnywhere) {
    std::string_view stream = "noise\n#1=aGVsbG8K\n#1:0\n#2=\n#2:124\n#3=AP8=\n#3:-1\n";
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        AnswerReader reader;
        std::vector<std::string> answers;
        for (auto part : {stream.substr(0, cut), stream.substr(cut)}) {
            reader.feed(part);
            collect(reader, answers);
        }
        EXPECT_THAT(answers,
                    ElementsAre("1 0 hello\n", "2 124 ", "3 -1 " + std::string("\0\xff", 2)))
            << cut;
    }
}

TEST(AnswerReader, TakesAnswersByteByByte) {
    AnswerReader reader;
    std::vector<std::string> answers;
    for (char byte : std::string_view("#1=aGVsbG8K\r\n#1:0\r\n#2=aGVsbG8K\n#2:3\n")) {
        reader.feed({&byte, 1});
        collect(reader, answers);
    }
    EXPECT_THAT(answers, ElementsAre("1 0 hello\n", "2 3 hello\n"));
}

TEST(AnswerReader, SkipsNoiseAroundTheLinesOfAnAnswer) {
    EXPECT_THAT(answers_in("boot\n#1=aGkK\n[1.2] #9 usb\nAAAA\n#1:0\nprompt$ #2=aGkK\nx#2:0\n"),
                ElementsAre("1 0 hi\n", "2 0 hi\n"));
}

TEST(AnswerReader, AnEchoedCommandIsNoAnswer) {
    EXPECT_THAT(answers_in(command_line(plain("true"), 1) + "#1=\n#1:0\n"), ElementsAre("1 0 "));
}

TEST(AnswerReader, TellsDamagedOutput) {
    EXPECT_THAT(answers_in("#1=aGk[ 3.1] usbK\n#1:0\n#2:0\n#3=aGkK\n#4:0\n"),
                ElementsAre("1 0 damaged", "2 0 damaged", "4 0 damaged"));
}

TEST(AnswerReader, FindsTheGreetingCutAnywhere) {
    auto stream = "hello\n#1=aGk" + std::string(greeting);
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        AnswerReader reader;
        reader.feed(std::string_view(stream).substr(0, cut));
        EXPECT_FALSE(reader.next());
        reader.feed(std::string_view(stream).substr(cut));
        EXPECT_FALSE(reader.next());
        EXPECT_TRUE(reader.greeted()) << cut;
        reader.feed("\n#2=aGkK\n#2:0\n");
        EXPECT_EQ(reader.next().value().output, "hi\n");
        EXPECT_FALSE(reader.greeted());
    }
}

TEST(AnswerReader, AGreetingForgetsHalfAnAnswer) {
    EXPECT_THAT(answers_in("#1=aGkK\n" + std::string(greeting) + "\n#1:0\n"),
                ElementsAre("1 0 damaged"));
}

}  // namespace
}  // namespace charioteer::shell
