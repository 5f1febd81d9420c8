#include "terminal/message.hpp"

#include <gmock/gmock.h>

namespace charioteer::terminal {

using namespace std::string_literals;

TEST(MessageReader, FindsMessagesInEverySplit) {
    auto bytes = encode(MessageType::input, "ls\n") + encode(MessageType::input_end, "");
    for (std::size_t split = 0; split <= bytes.size(); ++split) {
        MessageReader reader;
        std::vector<Message> found;
        for (auto piece : {bytes.substr(0, split), bytes.substr(split)}) {
            reader.feed(piece);
            while (auto message = reader.next()) found.push_back(*message);
        }
        ASSERT_EQ(found.size(), 2u) << split;
        EXPECT_EQ(found[0].payload, "ls\n");
        EXPECT_EQ(found[1].type, MessageType::input_end);
    }
}

TEST(MessageReader, RejectsTypesThatClientsDoNotSend) {
    for (char type : {'\0', '\5', '\x11', '\xff'}) {
        MessageReader reader;
        reader.feed(std::string(1, type) + "\0\0\0\0"s);
        EXPECT_THROW(reader.next(), Malformed) << int(type);
    }
}

TEST(MessageReader, RejectsALongMessageBeforeItsPayload) {
    MessageReader reader;
    reader.feed("\2\1\0\1\0"s);
    EXPECT_THROW(reader.next(), Malformed);
}

TEST(Message, OpeningHasTheSizeAndTheTypeOfTheTerminal) {
    auto opening = decode_opening("\x18\0\x2c\1xterm-256color"s);
    ASSERT_TRUE(opening.size);
    EXPECT_EQ(opening.size->rows, 24);
    EXPECT_EQ(opening.size->columns, 300);
    EXPECT_EQ(opening.kind, "xterm-256color");
}

TEST(Message, OpeningWithoutATerminalHasNoSize) {
    EXPECT_FALSE(decode_opening("\0\0\0\0"s).size);
}

TEST(Message, SizesHaveFourBytes) {
    EXPECT_THROW(decode_opening("\x18\0\x50"s), Malformed);
    EXPECT_THROW(decode_size("\x18\0\x50\0\0"s), Malformed);
}

}  // namespace charioteer::terminal
