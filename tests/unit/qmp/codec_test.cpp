#include "qmp/codec.hpp"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <vector>

namespace charioteer::qmp {
namespace {

constexpr std::string_view conversation =
    R"({"QMP": {"version": {"qemu": {"micro": 2, "minor": 0, "major": 10}}, "capabilities": []}})"
    "\r\n"
    R"({"return": {}, "id": 1})"
    "\n \r\n"
    R"({"event": "STOP", "timestamp": {}})"
    "\n"
    R"({"error": {"class": "GenericError", "desc": "no such thing"}})"
    "\n";

std::string describe(const Message& message) {
    if (const auto* greeting = std::get_if<Greeting>(&message)) return "QEMU " + greeting->version;
    if (const auto* event = std::get_if<Event>(&message))
        return "event " + json::serialize(event->content);
    const auto& reply = std::get<Reply>(message);
    return (reply.id ? "reply " + std::to_string(*reply.id) + " " : "reply ") +
           json::serialize(reply.content);
}

TEST(QmpCodec, MessagesDoNotDependOnThePieces) {
    const std::vector<std::string> expected = {
        "QEMU 10.0.2",
        R"(reply 1 {"return":{},"id":1})",
        R"(event {"event":"STOP","timestamp":{}})",
        R"(reply {"error":{"class":"GenericError","desc":"no such thing"}})",
    };
    for (std::size_t split = 0; split <= conversation.size(); ++split) {
        MessageReader reader;
        std::vector<std::string> messages;
        for (auto part : {conversation.substr(0, split), conversation.substr(split)}) {
            reader.feed(part);
            while (auto message = reader.next()) messages.push_back(describe(*message));
        }
        EXPECT_EQ(messages, expected) << "split at " << split;
    }
}

TEST(QmpCodec, AVersionThatIsNoNumberIsAccepted) {
    MessageReader reader;
    reader.feed(R"({"QMP": {"version": {"qemu": {"major": 1e300, "minor": "x"}}}})"
                "\n");
    EXPECT_EQ(std::get<Greeting>(*reader.next()).version, "0.0.0");
}

TEST(QmpCodec, OtherJsonValuesThanObjectsAreRejected) {
    for (auto line : {"[]\n", "SSH-2.0\n", "{\"return\": \n", "1\n"}) {
        MessageReader reader;
        reader.feed(line);
        EXPECT_THROW(reader.next(), io::Error) << line;
    }
}

TEST(QmpCodec, ACommandIsOneLine) {
    EXPECT_EQ(encode_command(7, "stop", {}), "{\"execute\":\"stop\",\"id\":7}\n");
    EXPECT_EQ(encode_command(8, "eject", {{"id", "a\nb"}}),
              "{\"execute\":\"eject\",\"id\":8,\"arguments\":{\"id\":\"a\\nb\"}}\n");
}

TEST(QmpCodec, AReplyHasItsValueOrItsError) {
    EXPECT_EQ(qmp::result_of("query-status", {1, {{"return", 5}}}), json::value(5));
    try {
        qmp::result_of("eject", {1, {{"error", {{"class", "GenericError"}, {"desc", "no"}}}}});
        FAIL() << "expected a CommandError";
    } catch (const CommandError& error) {
        EXPECT_EQ(error.kind(), "GenericError");
        EXPECT_STREQ(error.what(), "QEMU refused eject: no (GenericError)");
    }
    EXPECT_THROW(qmp::result_of("eject", {1, {{"id", 1}}}), io::Error);
    EXPECT_THROW(qmp::result_of("eject", {1, {{"error", "text"}}}), CommandError);
}

}  // namespace
}  // namespace charioteer::qmp
