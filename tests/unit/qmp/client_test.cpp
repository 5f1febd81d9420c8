#include "qmp/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "fakes/manual_time.hpp"
#include "fakes/peer.hpp"
#include "io/runtime.hpp"

namespace charioteer::qmp {
namespace {

using namespace std::chrono_literals;
using fakes::result_of;
using testing::HasSubstr;

constexpr std::string_view greeting_of_qemu =
    R"({"QMP": {"version": {"qemu": {"micro": 2, "minor": 0, "major": 10}}, "capabilities": []}})"
    "\r\n";

asio::awaitable<std::string> disconnect_reason() {
    co_return "QEMU ended with status 1";
}

asio::awaitable<void> dispose(std::shared_ptr<Client> client) {
    if (client) client->close();
    co_return;
}

/// The test acts as QEMU.
class ClientTest : public testing::Test {
protected:
    ClientTest() : ends_(fakes::connected_pair(runtime_.executor())), qemu_(ends_.second) {}
    ~ClientTest() override { result_of(runtime_.start(dispose(std::move(client_)))); }

    io::Pending<std::shared_ptr<Client>> start(io::Deadline deadline = io::Deadline::never()) {
        return runtime_.start(Client::open(std::move(ends_.first), disconnect_reason, deadline));
    }
    void open() {
        auto opening = start();
        qemu_.send(greeting_of_qemu);
        EXPECT_EQ(qemu_.read_line(), R"({"execute":"qmp_capabilities","id":1})");
        qemu_.send("{\"return\": {}, \"id\": 1}\n");
        client_ = result_of(opening);
    }
    io::Pending<json::value> execute(std::string command,
                                     io::Deadline deadline = io::Deadline::never()) {
        return runtime_.start(client_->execute(std::move(command), {}, deadline));
    }
    io::Pending<json::object> event(io::Deadline deadline = io::Deadline::never()) {
        return runtime_.start(client_->next_event(deadline));
    }
    void pass(io::Duration step) {
        while (time_.sleepers() < 1) std::this_thread::yield();
        time_.advance(step);
    }

    io::Runtime runtime_;
    fakes::ManualTime time_;
    std::pair<io::UnixStream, fakes::Peer> ends_;
    fakes::Peer& qemu_;
    std::shared_ptr<Client> client_;
};

template <class Failure, class T>
std::string failure_of(io::Pending<T> pending) {
    try {
        result_of(std::move(pending));
    } catch (const Failure& failure) {
        return failure.what();
    }
    return "it did not fail";
}

TEST_F(ClientTest, OpensAndReportsTheVersion) {
    open();
    EXPECT_EQ(client_->version(), "10.0.2");
}

TEST_F(ClientTest, WaitsForTheGreetingUntilItsDeadline) {
    auto opening = start(time_.deadline_after(10s));
    pass(10s);
    EXPECT_EQ(failure_of<io::TimeoutError>(opening),
              "QEMU did not send a greeting on its QMP socket within 10 s");
}

TEST_F(ClientTest, RejectsAPeerWithAnotherProtocol) {
    auto opening = start();
    qemu_.send("SSH-2.0-OpenSSH_9.2\r\n");
    EXPECT_EQ(failure_of<io::Error>(opening), "QEMU sent what is not QMP: SSH-2.0-OpenSSH_9.2\r");
    EXPECT_TRUE(qemu_.sees_the_end());
}

TEST_F(ClientTest, RepliesAreMatchedByTheirIds) {
    open();
    auto first = execute("first");
    qemu_.read_line();
    auto second = execute("second");
    qemu_.read_line();
    qemu_.send("{\"return\": 22, \"id\": 3}\n{\"return\": 11, \"id\": 2}\n");
    EXPECT_EQ(result_of(first), 11);
    EXPECT_EQ(result_of(second), 22);
}

TEST_F(ClientTest, AllHandlersReceiveAnEvent) {
    open();
    auto seen = std::make_shared<int>(0);
    auto subscribe = [](Client* client, std::shared_ptr<int> count) -> asio::awaitable<void> {
        for (bool takes : {true, false})
            client->on_event([count, takes](const json::object& event) {
                ++*count;
                return takes && event.at("event") == "STOP";
            });
        co_return;
    };
    result_of(runtime_.start(subscribe(client_.get(), seen)));
    qemu_.send("{\"event\": \"STOP\"}\n{\"event\": \"RESUME\"}\n");
    EXPECT_EQ(result_of(event()).at("event"), "RESUME");
    EXPECT_EQ(*seen, 4);
}

TEST_F(ClientTest, HasEndedWhenAllMessagesAreHandled) {
    open();
    auto ended = runtime_.start(client_->until_ended());
    qemu_.send("{\"event\": \"SHUTDOWN\"}\n");
    qemu_.close();
    result_of(ended);
    EXPECT_EQ(result_of(event()).at("event"), "SHUTDOWN");
}

TEST_F(ClientTest, ParsesRepliesInAnyPieces) {
    open();
    std::string_view reply = "{\"event\": \"STOP\"}\r\n{\"return\": {\"a\": \"\\u00e9\"}, \"id\": ";
    int id = 1;
    for (std::size_t cut = 0; cut <= reply.size(); ++cut) {
        auto command = execute("query");
        qemu_.read_line();
        qemu_.send(reply.substr(0, cut));
        qemu_.send(std::string(reply.substr(cut)) + std::to_string(++id) + "}\r\n");
        EXPECT_EQ(json::serialize(result_of(command)), "{\"a\":\"\u00e9\"}") << cut;
        EXPECT_EQ(result_of(event()).at("event"), "STOP") << cut;
    }
}

TEST_F(ClientTest, SendsArguments) {
    open();
    auto pending = runtime_.start(
        client_->execute("screendump", {{"filename", "/a \"b\""}}, io::Deadline::never()));
    EXPECT_EQ(qemu_.read_line(),
              R"({"execute":"screendump","id":2,"arguments":{"filename":"/a \"b\""}})");
    qemu_.send("{\"return\": {}, \"id\": 2}\n");
    result_of(pending);
}

TEST_F(ClientTest, AnErrorHasClassAndDescription) {
    open();
    auto pending = execute("frobnicate");
    qemu_.send(R"({"error": {"class": "CommandNotFound", "desc": "no such"}, "id": 2})"
               "\n");
    try {
        result_of(pending);
        FAIL() << "expected a CommandError";
    } catch (const CommandError& error) {
        EXPECT_EQ(error.kind(), "CommandNotFound");
        EXPECT_STREQ(error.what(), "QEMU refused frobnicate: no such (CommandNotFound)");
    }
}

TEST_F(ClientTest, AnErrorWithoutIdBelongsToTheOldestCommand) {
    open();
    auto first = execute("first");
    qemu_.read_line();
    auto second = execute("second");
    qemu_.read_line();
    qemu_.send(R"({"error": {"class": "GenericError", "desc": "bad"}})"
               "\n{\"return\": 2, \"id\": 3}\n");
    EXPECT_THROW(result_of(first), CommandError);
    EXPECT_EQ(result_of(second), 2);
}

TEST_F(ClientTest, AReplyWithoutResultIsAnError) {
    open();
    auto pending = execute("query");
    qemu_.read_line();
    qemu_.send("{\"id\": 2}\n");
    EXPECT_THAT(failure_of<io::Error>(pending), HasSubstr("has no result"));
}

TEST_F(ClientTest, DropsAReplyAfterTheDeadline) {
    open();
    auto slow = execute("slow", time_.deadline_after(5s));
    qemu_.read_line();
    pass(5s);
    EXPECT_EQ(failure_of<io::TimeoutError>(slow), "QEMU did not answer slow within 5 s");
    auto next = execute("next");
    qemu_.read_line();
    qemu_.send("{\"return\": 1, \"id\": 2}\n{\"return\": 2, \"id\": 3}\n");
    EXPECT_EQ(result_of(next), 2);
}

TEST_F(ClientTest, RunsCommandsOfTheHumanMonitor) {
    open();
    auto pending = runtime_.start(client_->human("info status", io::Deadline::never()));
    EXPECT_EQ(
        qemu_.read_line(),
        R"({"execute":"human-monitor-command","id":2,"arguments":{"command-line":"info status"}})");
    qemu_.send("{\"return\": \"VM status: running\\r\\n\", \"id\": 2}\n");
    EXPECT_EQ(result_of(pending), "VM status: running\r\n");
}

TEST_F(ClientTest, EventsAreQueuedInOrder) {
    open();
    qemu_.send("{\"event\": \"STOP\"}\n{\"event\": \"RESUME\"}\n");
    EXPECT_EQ(result_of(event()).at("event"), "STOP");
    EXPECT_EQ(result_of(event()).at("event"), "RESUME");
    auto late = event(time_.deadline_after(5s));
    pass(5s);
    EXPECT_EQ(failure_of<io::TimeoutError>(late), "there was no QMP event within 5 s");
}

TEST_F(ClientTest, KeepsTheLastThousandEvents) {
    open();
    for (int number = 1; number <= 1002; ++number)
        qemu_.send("{\"event\": " + std::to_string(number) + "}\n");
    auto pending = execute("query");
    qemu_.read_line();
    qemu_.send("{\"return\": 0, \"id\": 2}\n");
    result_of(pending);
    EXPECT_EQ(result_of(event()).at("event"), 3);
}

TEST_F(ClientTest, TheEndOfTheConnectionRequestsTheReason) {
    open();
    auto command = execute("query");
    auto waiting = event();
    qemu_.read_line();
    qemu_.close();
    EXPECT_EQ(failure_of<io::ConnectionLost>(command), "QEMU ended with status 1");
    EXPECT_EQ(failure_of<io::ConnectionLost>(waiting), "QEMU ended with status 1");
    EXPECT_THROW(result_of(execute("again")), io::ConnectionLost);
}

TEST_F(ClientTest, InvalidJsonEndsTheConnection) {
    open();
    auto command = execute("query");
    qemu_.send("{\"return\": [1, 2\n");
    EXPECT_EQ(failure_of<io::ConnectionLost>(command),
              "QEMU sent what is not QMP: {\"return\": [1, 2");
}

TEST_F(ClientTest, ClosingWakesAllWaiters) {
    open();
    auto command = execute("query");
    qemu_.read_line();
    result_of(runtime_.start(dispose(client_)));
    EXPECT_THROW(result_of(command), io::ConnectionLost);
}

}  // namespace
}  // namespace charioteer::qmp
