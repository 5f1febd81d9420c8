#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/random.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <string>

#include "unit/agent/built_in_program.hpp"

namespace charioteer::agent {
namespace {

using testing::HasSubstr;

void write_and_close(io::UniqueFd& fd, const std::string& bytes) {
    ASSERT_EQ(::write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    fd.reset();
}

TEST(Reseed, GivesTheKernelRandomNumbers) {
    io::UniqueFd device(::open("/dev/urandom", O_RDONLY | O_CLOEXEC));
    if (::ioctl(device.get(), RNDRESEEDCRNG) != 0) GTEST_SKIP() << "needs CAP_SYS_ADMIN";
    BuiltInProgram reseed({"reseed"});
    write_and_close(reseed.input(), std::string(64, 'x'));
    EXPECT_EQ(reseed.status(), 0) << reseed.errors();
}

TEST(Reseed, ReportsAKernelThatRefuses) {
    BuiltInProgram reseed({"reseed"}, {.refused = {.ioctl = true}});
    write_and_close(reseed.input(), std::string(64, 'x'));
    EXPECT_EQ(reseed.status(), 1);
    EXPECT_THAT(reseed.errors(), HasSubstr("reseed: /dev/urandom: "));
}

TEST(Reseed, RefusesAnEmptyInput) {
    BuiltInProgram reseed({"reseed"});
    reseed.input().reset();
    EXPECT_EQ(reseed.status(), 1);
    EXPECT_EQ(reseed.errors(), "reseed: its input is empty\n");
}

TEST(Reseed, ReadsNoMoreThanItsBuffer) {
    BuiltInProgram reseed({"reseed"}, {.refused = {.ioctl = true}});
    write_and_close(reseed.input(), std::string(4096, 'x'));
    EXPECT_EQ(reseed.status(), 1);
}

}  // namespace
}  // namespace charioteer::agent
