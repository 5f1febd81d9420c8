#include "shell/plain_codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "io/error.hpp"

namespace charioteer::shell {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using namespace std::chrono_literals;

/// All answers of `reader`, as "number status output".
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

std::string line_of(std::string text, std::optional<io::Duration> limit = std::nullopt,
                    std::chrono::seconds holder_limit = 0s) {
    command::Command command{.text = std::move(text)};
    if (limit) command.limit = command::Limit{*limit, ""};
    return command_line(command, 7, holder_limit);
}

TEST(CommandLine, HasThisExactText) {
    EXPECT_EQ(line_of("ls /"), "charioteer 7 '' 0 'set -euo pipefail; ls /'\n");
}

TEST(CommandLine, HasTheLimitForTheGuest) {
    EXPECT_TRUE(line_of("true", 500ms).starts_with("charioteer 7 '0.500' 0 '"));
    EXPECT_TRUE(line_of("true", 1us).starts_with("charioteer 7 '0.001' 0 '"));
    EXPECT_TRUE(line_of("true", 0s, 300s).starts_with("charioteer 7 '' 300 '"));
}

TEST(CommandLine, QuotesSingleQuotesAndKeepsLineEnds) {
    auto line = line_of("echo 'a'\necho b");
    EXPECT_NE(line.find("; echo '\"'\"'a'\"'\"'\necho b'"), std::string::npos) << line;
}

TEST(CommandLine, RejectsCommandsThatLinuxCannotRun) {
    constexpr std::size_t buffer = 128 * 1024 - 1 - std::string_view("set -euo pipefail; ").size();
    EXPECT_NO_THROW(line_of(std::string(buffer, 'x')));
    EXPECT_THROW(line_of(std::string(buffer + 1, 'x')), io::UsageError);
    EXPECT_THROW(line_of(std::string("a\0b", 3)), io::UsageError);
}

TEST(AnswerReader, FindsAnswersInEverySplit) {
    std::string_view stream =
        "noise\n#1~$'hello\\n'\n#1:0 0\n#2~''\n#2=\n#2:0 124\n#3~''\n#3=AP8=\n#3:7 1\n"
        "#4@a\n#4=Yg==\n#4:0 1\n";
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        AnswerReader reader;
        std::vector<std::string> answers;
        for (auto part : {stream.substr(0, cut), stream.substr(cut)}) {
            reader.feed(part);
            collect(reader, answers);
        }
        EXPECT_THAT(answers, ElementsAre("1 0 hello\n", "2 124 ", "3 7 " + std::string("\0\xff", 2),
                                         "4 0 " + std::string("a\0b", 3)))
            << cut;
    }
}

TEST(AnswerReader, FindsAnswersByteByByte) {
    AnswerReader reader;
    std::vector<std::string> answers;
    for (char byte : std::string_view("#1~hello\r\n#1:0 0\r\n#2~a\n#2=aGVsbG8K\r\n#2:3 1\n")) {
        reader.feed({&byte, 1});
        collect(reader, answers);
    }
    EXPECT_THAT(answers, ElementsAre("1 0 hello", "2 3 ahello\n"));
}

TEST(AnswerReader, SkipsNoiseAroundTheLinesOfAnAnswer) {
    EXPECT_THAT(answers_in("boot\n#1~hi\n[1.2] #9 usb\nAAAA\n#1:0 0\nprompt$ #2~hi\nx#2:0 0\n"),
                ElementsAre("1 0 hi", "2 0 hi"));
}

TEST(AnswerReader, AnEchoedCommandIsNotAnAnswer) {
    auto echoed = std::string(preparation) + line_of("true");
    EXPECT_THAT(answers_in(echoed + "#1~''\n#1:0 0\n"), ElementsAre("1 0 "));
}

TEST(AnswerReader, ReportsHoldersOfAnOutputAndFindsTheAnswerAfterThem) {
    AnswerReader reader;
    reader.feed("#7!0 sleep\\ \\(pid\\ 9\\)\n");
    EXPECT_FALSE(reader.next());
    auto waiting = reader.next_holders();
    ASSERT_TRUE(waiting);
    EXPECT_EQ(waiting->number, 7U);
    EXPECT_EQ(waiting->names, "sleep (pid 9)");
    EXPECT_FALSE(waiting->given_up);
    reader.feed("#7!1 ''\n#7~now\n#7:3 0\n");
    auto answer = reader.next();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->output, "now");
    EXPECT_EQ(answer->status, 3);
    EXPECT_TRUE(reader.next_holders()->given_up);
    EXPECT_FALSE(reader.next_holders());
}

TEST(AnswerReader, KeepsFewUnreadReports) {
    AnswerReader reader;
    for (int count = 0; count < 100'000; ++count) reader.feed("#1!0 x\n#1!\n#1!0 '\n");
    EXPECT_FALSE(reader.next());
    int kept = 0;
    while (reader.next_holders()) ++kept;
    EXPECT_LE(kept, 16);
}

TEST(AnswerReader, ReportsDamagedOutput) {
    for (auto damaged : {
             "#1~$'hi[ 3.1] usb\n#1:0 0\n",                 // a line without its end
             "#1~''\n#1=aGk[ 3.1] usbK\n#1:0 1\n",          // noise in base64
             "#1:0 0\n", "#1:0 1\n",                        // no output
             "#1=aGkK\n#1:0 1\n",                           // no beginning
             "#1~hi\n#1:0 1\n", "#1~hi\n#1:0 124\n",        // no rest
             "#1~hi\n#1=aGkK\n#1:0 0\n",                    // an unexpected rest
             "#1~hi\n#1=aGkK\n#1=aGkK\n#1:0 1\n",           // two
             "#3~hi\n#1:0 0\n", "#1~hi\n#3=aGkK\n#1:0 1\n"  // of another command
         })
        EXPECT_THAT(answers_in(damaged), ElementsAre(AnyOf("1 0 damaged", "1 124 damaged")))
            << damaged;
}

TEST(AnswerReader, KeepsNoEndlessNoise) {
    AnswerReader reader;
    for (std::string noise : {"[    1.234567] usb ", "#nothing", "#12"}) {
        for (int count = 0; count < 100'000; ++count) {
            reader.feed(noise);
            EXPECT_FALSE(reader.next());
        }
        EXPECT_LT(reader.kept(), 1024U) << noise;
    }
    reader.feed("\n#1~hi\n#1:0 0\n");
    EXPECT_EQ(reader.next().value().output, "hi");
}

TEST(AnswerReader, FindsTheGreetingInEverySplit) {
    auto stream = "hello\n#1~hi" + std::string(greeting);
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        AnswerReader reader;
        reader.feed(std::string_view(stream).substr(0, cut));
        EXPECT_FALSE(reader.next());
        reader.feed(std::string_view(stream).substr(cut));
        EXPECT_FALSE(reader.next());
        EXPECT_TRUE(reader.greeted()) << cut;
        reader.feed("\n#2~hi\n#2:0 0\n");
        EXPECT_EQ(reader.next().value().output, "hi");
        EXPECT_FALSE(reader.greeted());
    }
}

TEST(AnswerReader, AGreetingDiscardsAPartialAnswer) {
    EXPECT_THAT(answers_in("#1~hi\n" + std::string(greeting) + "\n#1:0 0\n"),
                ElementsAre("1 0 damaged"));
}

}  // namespace
}  // namespace charioteer::shell
