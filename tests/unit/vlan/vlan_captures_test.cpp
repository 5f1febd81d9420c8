/// Captures of a segment with real sockets: what they say of senders and faults.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <fstream>
#include <iterator>

#include "fakes/pcapng_blocks.hpp"
#include "io/time_source.hpp"
#include "plugs.hpp"
#include "vlan/capture/capture_file.hpp"
#include "vlan/fault/fault.hpp"
#include "vlan/vlan.hpp"

namespace charioteer::vlan {
namespace {

using namespace std::chrono_literals;
using charioteer::fakes::only;
using charioteer::fakes::PcapngBlock;
using charioteer::fakes::read_pcapng;
using fakes::alice;
using fakes::bob;
using fakes::broadcast;
using fakes::frame;
using fakes::Kind;

/// Carol at port 0, Alice at port 1 and Bob at port 2.
class VlanCaptures : public testing::TestWithParam<Kind> {
protected:
    void SetUp() override {
        alice_ = attach(GetParam(), vlan_, carol_);
        bob_ = attach(GetParam(), vlan_, carol_);
        if (GetParam() == Kind::stream) alice_->receive();
    }
    io::UniqueFd open() const {
        return io::UniqueFd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    }
    std::vector<PcapngBlock> blocks() const {
        std::ifstream file(path_, std::ios::binary);
        return read_pcapng(std::string(std::istreambuf_iterator<char>(file), {}));
    }
    /// Sends a frame from Alice, and returns when Carol has received it.
    void send(const std::string& sent) {
        alice_->send(sent);
        EXPECT_EQ(carol_.receive(), sent);
    }
    void add_fault(const std::string& name, fault::Kind kind) {
        fault::Spec spec;
        spec.name = name;
        spec.kind = kind;
        spec.links = {{"plug1", "plug2"}};
        spec.origin = "test.py:14";
        vlan_.add_fault(std::move(spec), time_.deadline_after(100s));
    }

    io::SteadyTime time_;
    fakes::TemporaryDirectory directory_;
    fakes::EventLog log_;
    Vlan vlan_{1, directory_.path(), log_.sink()};
    std::filesystem::path path_ = directory_.path() / "frames.pcapng";
    fakes::FakeVdePlug carol_{vlan_.control_directory()};
    std::unique_ptr<fakes::FakePlug> alice_;
    std::unique_ptr<fakes::FakePlug> bob_;
};

TEST_P(VlanCaptures, AFrameThatWasReceivedIsInTheFile) {
    auto capture = vlan_.capture(open(), "about it");
    send(frame(alice, bob, "one"));
    EXPECT_EQ(capture->stop(100s), "");
    auto packets = only(blocks(), PcapngBlock::packet);
    ASSERT_EQ(packets.size(), 1u);
    EXPECT_EQ(packets[0].data, frame(alice, bob, "one"));
    EXPECT_EQ(only(blocks(), PcapngBlock::interface).at(packets[0].number(0)).text(2), "plug1");
}

TEST_P(VlanCaptures, TheLastFramesAreWrittenAlsoAfterTheEnd) {
    send(frame(alice, bob, "before"));
    vlan_.keep_frames();
    send(frame(alice, bob, "one"));
    vlan_.stop({});
    vlan_.write_last_frames(open(), "about it");
    auto packets = only(blocks(), PcapngBlock::packet);
    ASSERT_EQ(packets.size(), 1u);
    EXPECT_EQ(packets[0].data, frame(alice, bob, "one"));
}

TEST_P(VlanCaptures, TheEndOfTheSegmentEndsTheFile) {
    auto capture = vlan_.capture(open(), "about it");
    send(frame(alice, bob, "one"));
    vlan_.stop({.disks = 20s});
    EXPECT_FALSE(only(blocks(), PcapngBlock::statistics).empty());
}

TEST_P(VlanCaptures, CommentsSayWhatFaultsHaveDone) {
    bob_->send(frame(bob, broadcast, "here I am"));
    carol_.receive();
    auto capture = vlan_.capture(open(), "about it");
    send(frame(alice, bob, "untouched"));
    add_fault("partition-1", fault::Cut{});
    send(frame(alice, bob, "to Bob"));
    send(frame(alice, broadcast, "to all"));
    vlan_.remove_fault("partition-1", time_.deadline_after(100s));
    add_fault("duplicate-1", fault::Duplicate{1});
    add_fault("hold-1", fault::Hold{});
    send(frame(alice, broadcast, "held"));
    capture->stop(100s);
    auto packets = only(blocks(), PcapngBlock::packet);
    ASSERT_EQ(packets.size(), 4u);
    EXPECT_EQ(packets[0].text(1), "");
    EXPECT_EQ(packets[1].data, frame(alice, bob, "to Bob"));
    EXPECT_EQ(packets[1].text(1), "to plug2: dropped by partition-1 at test.py:14");
    EXPECT_EQ(packets[2].text(1), "to plug2: dropped by partition-1 at test.py:14");
    EXPECT_EQ(packets[3].data, frame(alice, broadcast, "held"));
    EXPECT_TRUE(
        packets[3].text(1).starts_with("to plug2: duplicated by duplicate-1 at test.py:14; to "
                                       "plug2: held by hold-1 at test.py:14"))
        << packets[3].text(1);
}

TEST_P(VlanCaptures, FramesForAMachineAreFoundByTheAddressesThatItHasHadBefore) {
    // Carol is "c1" behind the device of containers, so that she has a name.
    vlan_.name_address(0x525400120103, "c1", time_.deadline_after(100s));
    auto client = fakes::connect_to(vlan_.control_directory() / "capture");
    ASSERT_TRUE(fakes::send_all(client.get(), "c1\n"));
    std::string received;
    auto receive_until = [&](const std::string& text) {
        std::array<char, 4096> bytes;
        while (received.find(text) == received.npos) {
            auto size = ::recv(client.get(), bytes.data(), bytes.size(), 0);
            ASSERT_GT(size, 0);
            received.append(bytes.data(), static_cast<std::size_t>(size));
        }
    };
    receive_until("c1.1");
    send(frame(alice, bob, "to Bob"));
    send(frame(alice, {3}, "to Carol"));
    receive_until("to Carol");
    EXPECT_EQ(received.find("to Bob"), received.npos);
}

INSTANTIATE_TEST_SUITE_P(Plugs, VlanCaptures, testing::Values(Kind::vde, Kind::stream),
                         [](const auto& kind) {
                             return kind.param == Kind::vde ? "Vde" : "Stream";
                         });

}  // namespace
}  // namespace charioteer::vlan
