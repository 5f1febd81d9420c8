/// Which link a frame between two ports takes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugs.hpp"
#include "vlan/fault/gate.hpp"

namespace charioteer::vlan::fault {
namespace {

using fakes::alice;
using fakes::bob;
using fakes::carol;

constexpr fakes::Station first_container{4};
constexpr fakes::Station second_container{5};

using namespace std::chrono_literals;
using testing::ElementsAre;

Address address_of(fakes::Station station) {
    return 0x525400120100 | static_cast<Address>(station.number);
}

/// Alice, Bob and Carol at the ports 0 to 2, and a tap device with two containers at port 3.
class FaultGate : public testing::Test {
protected:
    void SetUp() override {
        gate_.attach(0, {"alice", 0, "alice"});
        gate_.attach(1, {"bob", 0, "bob"});
        gate_.attach(2, {"carol", 0, "carol"});
        gate_.attach(3, {{}, 0, "vde-tap1", true});
        gate_.name_address(3, address_of(first_container), "c1");
        gate_.name_address(3, address_of(second_container), "c2");
    }

    void add(Kind kind, std::vector<std::pair<std::string, std::string>> links) {
        Spec spec;
        spec.name = "fault-" + std::to_string(++number_);
        spec.kind = kind;
        spec.links = std::move(links);
        gate_.add(std::move(spec));
    }
    /// The ports to which a frame is delivered at once.
    std::vector<int> send(PortId from, fakes::Station source, fakes::Station target) {
        auto bytes = std::string(4, '\0') + fakes::frame(source, target, "text");
        Frame frame{reinterpret_cast<const std::byte*>(bytes.data()) + 4, bytes.size() - 4};
        gate_.learn(from, source_of(frame.bytes()));
        auto route = gate_.route(from, frame);
        Packets out;
        for (PortId to = 0; to < 4; ++to)
            if (to != from) gate_.pass(route, frame, to, TimePoint{1h}, out);
        std::vector<int> ports;
        for (const auto& packet : out) ports.push_back(packet.to.port);
        return ports;
    }

    Gate gate_;
    int number_ = 0;
};

TEST_F(FaultGate, WithoutAFaultOnItsLinkAFrameReachesAllOtherPorts) {
    add(Cut{}, {{"dave", "erin"}});
    EXPECT_THAT(send(0, alice, bob), ElementsAre(1, 2, 3));
}

TEST_F(FaultGate, ABroadcastTakesTheLinksToAllStations) {
    add(Cut{}, {{"alice", "bob"}});
    EXPECT_THAT(send(0, alice, fakes::broadcast), ElementsAre(2, 3));
    EXPECT_THAT(send(1, bob, fakes::broadcast), ElementsAre(0, 2, 3));
}

TEST_F(FaultGate, AFrameTakesTheLinkToTheStationThatItIsFor) {
    add(Hold{}, {{"alice", ""}});
    // Bob's address is not known before his first frame.
    EXPECT_THAT(send(0, alice, bob), ElementsAre());
    send(1, bob, fakes::broadcast);
    EXPECT_THAT(send(0, alice, bob), ElementsAre(2, 3)) << "only overheard";
}

TEST_F(FaultGate, AnOverheardCopyDoesNotCrossACutLink) {
    send(1, bob, fakes::broadcast);
    add(Cut{}, {{"alice", "carol"}});
    send(1, bob, fakes::broadcast);
    EXPECT_THAT(send(0, alice, bob), ElementsAre(1, 3));
}

TEST_F(FaultGate, AStationIsFoundWhereItsAddressWasSeenLast) {
    add(Cut{}, {{"alice", "bob"}});
    send(1, bob, fakes::broadcast);
    EXPECT_THAT(send(0, alice, bob), ElementsAre(2, 3));
    // Carol takes over Bob's address: the frame is for her, and Bob is cut off still.
    send(2, bob, fakes::broadcast);
    EXPECT_THAT(send(0, alice, bob), ElementsAre(2, 3));
    add(Hold{}, {{"alice", "carol"}});
    EXPECT_THAT(send(0, alice, bob), ElementsAre(3));
}

TEST_F(FaultGate, AMachineThatIsStartedAgainIsTheSameStation) {
    add(Cut{}, {{"alice", "bob"}});
    gate_.detach(1);
    gate_.attach(1, {"bob", 0, "bob"});
    EXPECT_THAT(send(0, alice, fakes::broadcast), ElementsAre(2, 3));
}

TEST_F(FaultGate, TwoCardsOfAMachineAreOneStation) {
    gate_.attach(1, {"alice", 1, "alice#2"});
    add(Cut{}, {{"alice", ""}, {"", "alice"}});
    EXPECT_THAT(send(0, alice, fakes::broadcast), ElementsAre(1));
    EXPECT_THAT(send(2, carol, fakes::broadcast), ElementsAre(3));
}

TEST_F(FaultGate, ContainersBehindOneDeviceAreToldApartByTheirAddresses) {
    add(Cut{}, {{"alice", "c1"}, {"c1", "alice"}});
    EXPECT_THAT(send(0, alice, first_container), ElementsAre(1, 2));
    EXPECT_THAT(send(0, alice, second_container), ElementsAre(1, 2, 3));
    EXPECT_THAT(send(3, first_container, fakes::broadcast), ElementsAre(1, 2));
    EXPECT_THAT(send(3, second_container, fakes::broadcast), ElementsAre(0, 1, 2));
}

TEST_F(FaultGate, ABroadcastReachesTheContainersUnlessAllOfThemAreCutOff) {
    add(Cut{}, {{"alice", "c1"}});
    EXPECT_THAT(send(0, alice, fakes::broadcast), ElementsAre(1, 2, 3));
    add(Cut{}, {{"alice", "c2"}});
    EXPECT_THAT(send(0, alice, fakes::broadcast), ElementsAre(1, 2, 3));
    add(Cut{}, {{"alice", ""}});
    EXPECT_THAT(send(0, alice, fakes::broadcast), ElementsAre());
}

TEST_F(FaultGate, ThePlugOfAWaitingFrameMayHaveGone) {
    add(Hold{}, {{"alice", "bob"}});
    send(0, alice, fakes::broadcast);
    gate_.detach(1);
    Packets out;
    gate_.remove("fault-1", TimePoint{1h}, out);
    ASSERT_EQ(out.size(), 1u);
    EXPECT_FALSE(gate_.is_attached(out.front().to));
    gate_.attach(1, {"bob", 0, "bob"});
    EXPECT_FALSE(gate_.is_attached(out.front().to)) << "another plug";
}

TEST_F(FaultGate, LearnsTheAddressesOfStationsThatAreNotNamed) {
    EXPECT_TRUE(gate_.learn(0, address_of(alice)));
    EXPECT_FALSE(gate_.learn(0, address_of(alice)));
    EXPECT_TRUE(gate_.learn(1, address_of(alice))) << "it has moved";
    EXPECT_FALSE(gate_.learn(3, address_of(first_container)));
    EXPECT_TRUE(gate_.learn(3, address_of(bob))) << "behind the tap device, without a name";
    EXPECT_FALSE(gate_.learn(0, 0xffff'ffff'ffff)) << "a group";
}

TEST_F(FaultGate, RemembersABoundedNumberOfAddresses) {
    add(Cut{}, {{"alice", "bob"}});
    std::string bytes = std::string(4, '\0') + fakes::frame(alice, bob, "text");
    for (std::uint32_t i = 0; i < 5 * Gate::max_addresses; ++i) {
        bytes[10] = 2;
        std::memcpy(&bytes[11], &i, sizeof i);
        gate_.learn(0, source_of(Bytes(reinterpret_cast<const std::byte*>(bytes.data()) + 4, 14)));
    }
    EXPECT_LE(gate_.known_addresses(), Gate::max_addresses);
}

}  // namespace
}  // namespace charioteer::vlan::fault
