/// Misbehaving peers, and the files on disk.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <fstream>

#include "io/error.hpp"
#include "plugs.hpp"
#include "vlan/sockets.hpp"

namespace charioteer::vlan {
namespace {

namespace fs = std::filesystem;
using fakes::alice;
using fakes::bob;
using fakes::broadcast;
using fakes::frame;
using testing::ElementsAre;
using testing::HasSubstr;

class VlanErrors : public testing::Test {
protected:
    /// Frames are still forwarded from Alice to Bob, and Bob has received nothing else.
    void expect_traffic() {
        alice_.send(frame(alice, broadcast, "still alive"));
        EXPECT_EQ(bob_.receive(), frame(alice, broadcast, "still alive"));
    }

    fakes::TemporaryDirectory directory_;
    fakes::EventLog log_;
    Vlan vlan_{3, directory_.path(), log_.sink()};
    fakes::FakeVdePlug alice_{vlan_.control_directory()};
    fakes::FakeVdePlug bob_{vlan_.control_directory()};
};

TEST_F(VlanErrors, GarbageOnTheControlSocketIsClosedAndReportedOnce) {
    for (int i = 0; i < 3; ++i) {
        auto stranger = fakes::connect_to(vlan_.control_directory() / "ctl");
        fakes::send_all(stranger.get(), "GET / HTTP/1.1\r\n\r\n");
        EXPECT_TRUE(fakes::is_closed_by_peer(stranger.get()));
    }
    expect_traffic();
    EXPECT_THAT(log_.warnings(), ElementsAre(HasSubstr("not the VDE protocol")));
    EXPECT_THAT(log_.warnings(), ElementsAre(HasSubstr("vlan 3")));
}

TEST_F(VlanErrors, AnIncompleteRequestDelaysNoOtherClient) {
    auto slow = fakes::connect_to(vlan_.control_directory() / "ctl");
    fakes::send_all(slow.get(), fakes::vde_request("/nowhere").substr(0, 50));
    fakes::FakeVdePlug carol(vlan_.control_directory());
    expect_traffic();
    carol.receive();
}

TEST_F(VlanErrors, RequestOfAPlugWithoutASocketIsRejected) {
    auto stranger = fakes::connect_to(vlan_.control_directory() / "ctl");
    fakes::send_all(stranger.get(), fakes::vde_request("/nowhere/at/all"));
    EXPECT_TRUE(fakes::is_closed_by_peer(stranger.get()));
    expect_traffic();
    EXPECT_THAT(log_.warnings(), ElementsAre(HasSubstr("/nowhere/at/all")));
}

TEST_F(VlanErrors, OversizedStreamLengthEndsThatPlugOnly) {
    fakes::FakeStreamPlug carol(vlan_.stream_path());
    fakes::send_all(carol.socket(), std::string("\xff\xff\xff\xff garbage", 12));
    EXPECT_TRUE(fakes::is_closed_by_peer(carol.socket()));
    expect_traffic();
    EXPECT_THAT(log_.warnings(), ElementsAre(HasSubstr("too long")));
    vlan_.stop({});
    EXPECT_EQ(vlan_.counters()[Count::dropped_oversized], 1u);
}

TEST_F(VlanErrors, StreamPlugMayDisconnectDuringAFrame) {
    {
        fakes::FakeStreamPlug carol(vlan_.stream_path());
        carol.send(frame({3}, broadcast, "whole"));
        fakes::send_all(carol.socket(), std::string("\0\0\0\x40 half", 9));
        EXPECT_EQ(bob_.receive(), frame({3}, broadcast, "whole"));
    }
    expect_traffic();
    EXPECT_TRUE(log_.warnings().empty());
}

TEST_F(VlanErrors, StreamMayArriveByteByByte) {
    fakes::FakeStreamPlug carol(vlan_.stream_path());
    auto sent = frame({3}, broadcast, "slowly");
    std::string wire(length_size, '\0');
    write_length(reinterpret_cast<std::byte*>(wire.data()), sent.size());
    for (char byte : wire + sent) fakes::send_all(carol.socket(), {&byte, 1});
    EXPECT_EQ(bob_.receive(), sent);
}

TEST_F(VlanErrors, TooShortAndTooLongFramesAreDroppedAndCounted) {
    alice_.send("");
    alice_.send("too short");
    alice_.send(frame(alice, broadcast, std::string(max_frame_size, 'x')));
    expect_traffic();
    vlan_.stop({});
    EXPECT_EQ(vlan_.counters()[Count::dropped_malformed], 2u);
    EXPECT_EQ(vlan_.counters()[Count::dropped_oversized], 1u);
}

TEST_F(VlanErrors, OtherSocketsCannotSendToAPlugsSocket) {
    io::UniqueFd stranger(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    auto target = address_of(alice_.data_path());
    EXPECT_NE(::connect(stranger.get(), reinterpret_cast<sockaddr*>(&target), sizeof target), 0);
    expect_traffic();
}

TEST_F(VlanErrors, MorePlugsThanTheLimitAreRejected) {
    std::vector<std::unique_ptr<fakes::FakeVdePlug>> plugs;
    for (std::size_t i = 2; i < max_ports; ++i)
        plugs.push_back(std::make_unique<fakes::FakeVdePlug>(vlan_.control_directory()));
    EXPECT_THROW(fakes::FakeVdePlug(vlan_.control_directory()), std::runtime_error);
    fakes::FakeStreamPlug late(vlan_.stream_path());
    EXPECT_TRUE(fakes::is_closed_by_peer(late.socket()));
    expect_traffic();
    EXPECT_THAT(log_.warnings(), ElementsAre(HasSubstr("there are 255 plugs already")));
}

TEST_F(VlanErrors, ControlDirectoryIsAccessibleToItsOwnerOnly) {
    struct stat status {};
    ASSERT_EQ(::stat(vlan_.control_directory().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777u, 0700u);
    EXPECT_EQ(vlan_.control_directory(), directory_.path() / "vde3.ctl");
}

TEST_F(VlanErrors, PathsNameEverythingInTheOrderOfRemoval) {
    auto paths = vlan_.paths();
    EXPECT_TRUE(std::find(paths.begin(), paths.end(), bob_.data_path()) != paths.end());
    EXPECT_TRUE(std::find(paths.begin(), paths.end(), vlan_.stream_path()) != paths.end());
    // The sockets of plugs are not listed; libvdeplug removes its own as soon as it is attached.
    for (const auto& entry : fs::directory_iterator(vlan_.control_directory()))
        if (entry.path().filename().native().front() == '.') fs::remove(entry);
    for (const auto& path : paths) fs::remove(path);
    EXPECT_FALSE(fs::exists(vlan_.control_directory()));
}

TEST(VlanStart, SegmentsAreSeparate) {
    fakes::TemporaryDirectory directory;
    fakes::EventLog log;
    Vlan one(1, directory.path(), log.sink());
    Vlan two(2, directory.path(), log.sink());
    fakes::FakeVdePlug first(one.control_directory());
    fakes::FakeVdePlug second(two.control_directory());
    fakes::FakeVdePlug third(two.control_directory());
    first.send(frame(alice, broadcast, "in one"));
    third.send(frame(bob, broadcast, "in two"));
    EXPECT_EQ(second.receive(), frame(bob, broadcast, "in two"));
}

TEST(VlanStart, ReusesTheDirectoryOfADeadRunAndKeepsItsLock) {
    fakes::TemporaryDirectory directory;
    auto control = directory.path() / "vde1.ctl";
    fs::create_directory(control);
    std::ofstream(control / "lock") << "123\n";
    auto stale = listen_on(control / "ctl");
    auto stale_plug = listen_on(control / ".123-00000");
    {
        Vlan vlan(1, directory.path(), [](const io::Event&) {});
        fakes::FakeVdePlug first(control);
        fakes::FakeVdePlug second(control);
        first.send(frame(alice, broadcast, "new life"));
        EXPECT_EQ(second.receive(), frame(alice, broadcast, "new life"));
        EXPECT_FALSE(fs::exists(control / ".123-00000"));
    }
    EXPECT_TRUE(fs::exists(control / "lock"));
    EXPECT_EQ(std::distance(fs::directory_iterator(control), {}), 1);
}

TEST(VlanStart, RejectsAPathTooLongForSockets) {
    fakes::TemporaryDirectory directory;
    auto deep = directory.path() / std::string(80, 'x');
    fs::create_directory(deep);
    try {
        Vlan vlan(1, deep, [](const io::Event&) {});
        FAIL() << "the path is too long";
    } catch (const io::UsageError& error) {
        EXPECT_THAT(error.what(), HasSubstr("starting vlan 1: the socket path"));
    }
    EXPECT_TRUE(fs::is_empty(deep));
}

TEST(VlanStart, ReportsWhatPreventsIt) {
    fakes::TemporaryDirectory directory;
    std::ofstream(directory.path() / "vde1.ctl") << "a file";
    EXPECT_THROW(Vlan(1, directory.path(), [](const io::Event&) {}), io::UsageError);
    EXPECT_THROW(Vlan(1, directory.path() / "missing", [](const io::Event&) {}), io::Error);
}

}  // namespace
}  // namespace charioteer::vlan
