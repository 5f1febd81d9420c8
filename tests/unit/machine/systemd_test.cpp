#include "machine/systemd.hpp"

#include <gtest/gtest.h>

namespace charioteer::machine {
namespace {

TEST(Systemd, UsesTheSystemManagerUnlessAUserIsGiven) {
    EXPECT_EQ(systemctl_command("start a.service", std::nullopt), "systemctl start a.service");
    EXPECT_EQ(systemctl_command("show 'x'", "alice"),
              "su -l alice --shell /bin/sh -c $'XDG_RUNTIME_DIR=/run/user/`id -u` "
              "systemctl --user show \\'x\\''");
}

TEST(Systemd, FindsAPropertyWhereverItIs) {
    constexpr auto shown = "Id=a.service\nActiveState=active\nExecStart={ path=/x ; argv=y=z }";
    EXPECT_EQ(unit_property(shown, "ActiveState"), "active");
    EXPECT_EQ(unit_property(shown, "Id"), "a.service");
    EXPECT_EQ(unit_property(shown, "ExecStart"), "{ path=/x ; argv=y=z }");
    EXPECT_EQ(unit_property(shown, "Active"), "");
    EXPECT_EQ(unit_property("", "Id"), "");
}

}  // namespace
}  // namespace charioteer::machine
