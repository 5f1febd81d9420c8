/// Captures that are sent to clients while they grow.

#include "vlan/capture/stream_server.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "../plugs.hpp"
#include "fakes/pcapng_blocks.hpp"
#include "frames.hpp"
#include "vlan/sockets.hpp"

namespace charioteer::vlan::capture {
namespace {

using charioteer::fakes::only;
using charioteer::fakes::PcapngBlock;
using charioteer::fakes::read_pcapng;
using fakes::Batch;
using fakes::frame;
using vlan::fakes::connect_to;
using vlan::fakes::send_all;
using namespace std::chrono_literals;

class StreamServerTest : public testing::Test {
protected:
    /// A client that follows: it has received the description of the interface.
    io::UniqueFd follow(const std::string& request, std::string& received) {
        auto client = connect_to(path_);
        EXPECT_TRUE(send_all(client.get(), request));
        while (received.find("web.1") == received.npos && receive(client, received)) {
        }
        return client;
    }

    /// False at the end.
    static bool receive(const io::UniqueFd& client, std::string& received) {
        std::array<char, 4096> bytes;
        auto size = ::recv(client.get(), bytes.data(), bytes.size(), 0);
        EXPECT_GE(size, 0) << "no end within 20 s";
        received.append(bytes.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
        return size > 0;
    }

    static std::string rest(const io::UniqueFd& client) {
        std::string received;
        while (receive(client, received)) {
        }
        return received;
    }

    vlan::fakes::TemporaryDirectory directory_;
    std::filesystem::path path_ = directory_.path() / "capture";
    std::shared_ptr<Recording> recording_ =
        std::make_shared<Recording>(Recording::Settings{4096, 8});
    InterfaceId web_ = recording_->interface("web.1", "web");
    InterfaceId db_ = recording_->interface("db.1", "db");
    StreamServer server_{listen_on(path_), recording_};
};

TEST_F(StreamServerTest, ClientsReceiveTheFramesFromNowOn) {
    recording_->add(web_, Batch({frame('d', 'w', "before")}));
    std::string first;
    std::string second;
    auto one = follow("\n", first);
    auto two = follow("\n", second);
    recording_->add(web_, Batch({frame('d', 'w', "one")}));
    recording_->add(db_, Batch({frame('w', 'd', "two")}));
    server_.stop(20s);
    first += rest(one);
    second += rest(two);
    for (const auto& received : {first, second}) {
        auto blocks = read_pcapng(received);
        auto packets = only(blocks, PcapngBlock::packet);
        ASSERT_EQ(packets.size(), 2u);
        EXPECT_EQ(packets[0].data, frame('d', 'w', "one"));
        EXPECT_EQ(packets[1].data, frame('w', 'd', "two"));
        EXPECT_EQ(only(blocks, PcapngBlock::statistics).size(), 2u);
    }
}

TEST_F(StreamServerTest, FramesArriveBeforeTheEnd) {
    std::string received;
    auto client = follow("\n", received);
    recording_->add(web_, Batch({frame('d', 'w', "some text")}));
    while (received.find("some text") == received.npos) ASSERT_TRUE(receive(client, received));
}

TEST_F(StreamServerTest, ClientCanAskForAMachine) {
    std::string received;
    auto client = follow("db\n", received);
    recording_->add(web_, Batch({frame('x', 'w', "for another")}));
    recording_->add(db_, Batch({frame('w', 'd', "by it")}));
    server_.stop(20s);
    received += rest(client);
    auto packets = only(read_pcapng(received), PcapngBlock::packet);
    ASSERT_EQ(packets.size(), 1u);
    EXPECT_EQ(packets[0].data, frame('w', 'd', "by it"));
}

TEST_F(StreamServerTest, ClientCanAskForTheMachines) {
    recording_->interface("plug3");
    auto client = connect_to(path_);
    send_all(client.get(), "?\n");
    EXPECT_EQ(rest(client), "db\nweb\n");
}

TEST_F(StreamServerTest, RequestMayArriveInPieces) {
    auto client = connect_to(path_);
    for (char letter : std::string("db\n")) ASSERT_TRUE(send_all(client.get(), {&letter, 1}));
    std::string received;
    while (received.find("db.1") == received.npos) ASSERT_TRUE(receive(client, received));
}

TEST_F(StreamServerTest, LongRequestIsRefused) {
    auto client = connect_to(path_);
    send_all(client.get(), std::string(1000, 'x'));
    EXPECT_TRUE(vlan::fakes::is_closed_by_peer(client.get()));
}

TEST_F(StreamServerTest, ClientThatDoesNotReadLosesFramesAndCountsThem) {
    std::string received;
    auto client = follow("\n", received);
    auto load = frame('d', 'w', std::string(1000, 'x'));
    constexpr std::size_t frames = 5000;
    for (std::size_t i = 0; i < frames; ++i) recording_->add(web_, Batch({load}));
    std::string other;
    auto reader = follow("\n", other);
    recording_->add(db_, Batch({frame('w', 'd', "for the one that reads")}));
    while (other.find("for the one") == other.npos) ASSERT_TRUE(receive(reader, other));
    std::thread end([&] { server_.stop(20s); });
    received += rest(client);
    end.join();
    auto blocks = read_pcapng(received);
    auto statistics = only(blocks, PcapngBlock::statistics).at(web_);
    EXPECT_EQ(statistics.option_number(4), frames);
    EXPECT_GT(statistics.option_number(5), 0u);
    EXPECT_EQ(statistics.option_number(5) + statistics.option_number(6), frames);
}

TEST_F(StreamServerTest, StopDoesNotWaitForAClientThatDoesNotRead) {
    std::string received;
    auto client = follow("\n", received);
    for (int i = 0; i < 1000; ++i)
        recording_->add(web_, Batch({frame('d', 'w', std::string(1000, 'x'))}));
    server_.stop(100ms);
    EXPECT_TRUE(vlan::fakes::is_closed_by_peer(client.get()));
}

TEST_F(StreamServerTest, RecordingIsOffWhenTheClientHasGone) {
    auto recording = std::make_shared<Recording>(Recording::Settings{});
    recording->interface("web.1");
    auto path = directory_.path() / "on-demand";
    StreamServer server(listen_on(path), recording);
    {
        auto client = connect_to(path);
        send_all(client.get(), "\n");
        std::string received;
        while (received.find("web.1") == received.npos) ASSERT_TRUE(receive(client, received));
        EXPECT_TRUE(recording->is_on());
    }
    while (recording->is_on()) std::this_thread::yield();
}

}  // namespace
}  // namespace charioteer::vlan::capture
