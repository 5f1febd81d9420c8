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

/// The argument of RNDADDENTROPY for these bytes, all of whose bits count.
std::string entropy_of(const std::string& bytes) {
    rand_pool_info header{};
    header.buf_size = static_cast<int>(bytes.size());
    header.entropy_count = 8 * header.buf_size;
    return std::string(reinterpret_cast<const char*>(&header), sizeof header) + bytes;
}

TEST(Reseed, AddsItsInputAndMakesTheKernelUseItAtOnce) {
    IoctlListener kernel;
    BuiltInProgram reseed({"reseed"}, {.ioctls = &kernel});
    std::string bytes("random numbers of the host");
    write_and_close(reseed.input(), bytes);
    auto added = kernel.next(entropy_of(bytes).size());
    EXPECT_EQ(added.file, "/dev/urandom");
    EXPECT_EQ(added.request, RNDADDENTROPY);
    EXPECT_EQ(added.argument, entropy_of(bytes));
    auto renewed = kernel.next(0);
    EXPECT_EQ(renewed.file, "/dev/urandom");
    EXPECT_EQ(renewed.request, RNDRESEEDCRNG);
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
