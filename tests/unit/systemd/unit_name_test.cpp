#include "systemd/unit_name.hpp"

#include <gtest/gtest.h>

namespace charioteer::systemd {
namespace {

TEST(UnitName, AFullNameIsUnchanged) {
    for (const auto* name : {"web.service", "multi-user.target", "getty@tty1.service",
                             "dev-disk-by\\x2dlabel-root.device", "a.b.socket"})
        EXPECT_EQ(unit_name(name), name);
}

TEST(UnitName, AWordWithoutTypeIsAService) {
    EXPECT_EQ(unit_name("web"), "web.service");
    EXPECT_EQ(unit_name("getty@tty1"), "getty@tty1.service");
    EXPECT_EQ(unit_name("web.conf"), "web.conf.service");
}

TEST(UnitName, APathIsAMountOrADevice) {
    EXPECT_EQ(unit_name("/"), "-.mount");
    EXPECT_EQ(unit_name("/home"), "home.mount");
    EXPECT_EQ(unit_name("//srv/./web/"), "srv-web.mount");
    EXPECT_EQ(unit_name("/dev/disk/by-label/a b"), "dev-disk-by\\x2dlabel-a\\x20b.device");
    EXPECT_EQ(unit_name("/sys/class/net"), "sys-class-net.device");
    EXPECT_EQ(unit_name("/.hidden/a.b"), "\\x2ehidden-a.b.mount");
}

TEST(UnitName, PatternsAndInvalidNamesAreLeftToSystemctl) {
    for (const auto* word : {"", "web*", "web?.service", "[ab].service", "/dev/*", "two words",
                             "a/b", "@web.service", "/srv/../home"})
        EXPECT_EQ(unit_name(word), std::nullopt) << word;
    EXPECT_EQ(unit_name(std::string(248, 'a')), std::nullopt);
}

}  // namespace
}  // namespace charioteer::systemd
