#include "io/line_splitter.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace charioteer::io {
namespace {

std::vector<std::string> split(std::string_view bytes, std::size_t chunk) {
    LineSplitter splitter;
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < bytes.size(); at += chunk) {
        splitter.feed(bytes.substr(at, chunk));
        while (auto line = splitter.next()) lines.push_back(*line);
    }
    lines.push_back("rest=" + std::string(splitter.rest()));
    return lines;
}

TEST(LineSplitter, KeepsAnIncompleteLineUntilTheRestArrives) {
    LineSplitter splitter;
    splitter.feed("{\"event\":\"ST");
    EXPECT_EQ(splitter.next(), std::nullopt);
    splitter.feed("OP\"}\n");
    EXPECT_EQ(splitter.next(), "{\"event\":\"STOP\"}");
}

TEST(LineSplitter, GivesTheSameLinesForEveryChunkSize) {
    const std::string bytes("one\n\ntwo\r\nthr\0ee\nno end", 23);
    const std::vector<std::string> expected{"one", "", "two\r", std::string("thr\0ee", 6),
                                            "rest=no end"};
    for (std::size_t chunk = 1; chunk <= bytes.size(); ++chunk)
        EXPECT_EQ(split(bytes, chunk), expected) << "chunk size " << chunk;
}

TEST(LineSplitter, SplitsATooLongLineInAnyPieces) {
    const std::string bytes = "abcdefgh\nabcd\nabcde";
    for (std::size_t chunk = 1; chunk <= bytes.size(); ++chunk) {
        LineSplitter splitter(4);
        std::vector<std::string> lines;
        for (std::size_t at = 0; at < bytes.size(); at += chunk) {
            splitter.feed(std::string_view(bytes).substr(at, chunk));
            while (auto line = splitter.next()) lines.push_back(*line);
        }
        EXPECT_EQ(lines, (std::vector<std::string>{"abcd", "efgh", "abcd", "abcd"})) << chunk;
        EXPECT_EQ(splitter.rest(), "e") << chunk;
    }
}

}  // namespace
}  // namespace charioteer::io
