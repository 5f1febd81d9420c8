/// The names of machines that trunks send, and the conflicts between them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "plugs.hpp"
#include "vlan/trunk/trunk_codec.hpp"
#include "vlan/trunk/trunks.hpp"

namespace charioteer::vlan {
namespace {

using testing::ElementsAre;

/// The trunks of a segment, whose only trunk is at the port 5 and is sent names by the test.
class TrunkNames : public testing::Test {
protected:
    TrunkNames() {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw std::bad_alloc();
        far_ = io::UniqueFd(ends[1]);
        port_ = trunks_.open(5, {io::UniqueFd(ends[0]), {}, "b"}, std::make_shared<Trunk>("b"),
                             counters_);
        fakes::send_all(far_.get(), trunk::encode(trunk::Hello{1, trunk::random_segment_id()}));
    }
    void name(Address address, const std::string& machine) {
        fakes::send_all(far_.get(), trunk::encode(trunk::Name{address, machine}));
        std::vector<Frame> frames;
        ASSERT_EQ(port_->receive(frames), Port::Link::up);
    }

    LiveCounters counters_;
    std::vector<std::string> learned_;
    std::vector<std::string> warnings_;
    trunk::Trunks trunks_{1,
                          [this](PortId id, const trunk::Name& name) {
                              learned_.push_back(name.machine);
                              trunks_.named(id, name.address, name.machine);
                          },
                          [this](std::string text) { warnings_.push_back(std::move(text)); }};
    io::UniqueFd far_;
    std::unique_ptr<trunk::TrunkPort> port_;
};

TEST_F(TrunkNames, AnAddressOfThisSideIsNotTakenByAMachineThere) {
    trunks_.named(0, 1, "db");
    name(1, "web");
    name(2, "client");
    EXPECT_THAT(learned_, ElementsAre("client"));
    EXPECT_THAT(warnings_, ElementsAre("trunk to b: web there has the address of db here"));
}

TEST_F(TrunkNames, AnAddressThatAMachineHereHasLaterIsAWarning) {
    name(1, "web");
    trunks_.named(0, 1, "db");
    EXPECT_THAT(warnings_, ElementsAre("trunk to b: web there has the address of db here"));
}

TEST_F(TrunkNames, ANameThatComesBackIsAWarningOfARing) {
    trunks_.named(0, 1, "web");
    trunks_.named(0, 2, "db");
    name(2, "client");
    name(1, "web");
    EXPECT_THAT(learned_, ElementsAre());
    EXPECT_THAT(warnings_, ElementsAre("trunk to b: client there has the address of db here",
                                       "trunk to b: web is on both sides: it runs twice, or the "
                                       "trunks form a ring"));
}

TEST_F(TrunkNames, TheSameNameOnBothSidesIsAWarning) {
    trunks_.named(0, 1, "server");
    name(2, "server");
    name(3, "server");
    EXPECT_THAT(learned_, ElementsAre("server", "server"));
    EXPECT_THAT(warnings_, ElementsAre("trunk to b: server there has the name of server here"));
}

}  // namespace
}  // namespace charioteer::vlan
