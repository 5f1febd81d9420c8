#include "machine/accelerator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "fakes/temporary_directory.hpp"
#include "io/error.hpp"
#include "io/runtime.hpp"

namespace charioteer::machine {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr auto with_vmx = "processor : 0\nflags\t\t: fpu vmx sse\nbugs : none\n";
constexpr auto without_vmx = "processor : 0\nflags\t\t: fpu sse\nbugs : vmx_unsafe\n";

TEST(Accelerator, TheUserDecides) {
    auto kvm = decide_accelerator("kvm", without_vmx, false);
    ASSERT_TRUE(kvm);
    EXPECT_EQ(kvm->accelerator, Accelerator::kvm);
    EXPECT_TRUE(kvm->by_hand);
    auto tcg = decide_accelerator("tcg", with_vmx, true);
    ASSERT_TRUE(tcg);
    EXPECT_EQ(tcg->accelerator, Accelerator::tcg);
}

TEST(Accelerator, AnInvalidValueNamesTheVariableAndItsValues) {
    try {
        decide_accelerator("hvf", with_vmx, true);
        FAIL();
    } catch (const io::UsageError& error) {
        EXPECT_THAT(error.what(), HasSubstr("CHARIOTEER_ACCEL is hvf"));
        EXPECT_THAT(error.what(), HasSubstr("kvm, tcg or auto"));
    }
}

TEST(Accelerator, NoDeviceMeansTcg) {
    auto choice = decide_accelerator("auto", with_vmx, false);
    ASSERT_TRUE(choice);
    EXPECT_EQ(choice->accelerator, Accelerator::tcg);
    EXPECT_THAT(choice->describe(), HasSubstr("/dev/kvm cannot be opened"));
}

TEST(Accelerator, ADeviceWithoutTheProcessorsSupportMeansTcg) {
    auto choice = decide_accelerator("", without_vmx, true);
    ASSERT_TRUE(choice);
    EXPECT_EQ(choice->accelerator, Accelerator::tcg);
    EXPECT_THAT(choice->describe(), HasSubstr("neither vmx nor svm"));
}

TEST(Accelerator, KvmIsTriedIfDeviceAndProcessorSupportIt) {
    EXPECT_FALSE(decide_accelerator("auto", with_vmx, true));
    // Other families have no such flags.
    EXPECT_FALSE(decide_accelerator("", "processor : 0\nFeatures : fp\n", true));
}

TEST(Accelerator, ASlowFileSystemDoesNotBlockOtherOperations) {
    fakes::TemporaryDirectory directory;
    AcceleratorFiles files{.cpuinfo = directory.path() / "cpuinfo",
                           .kvm_device = directory.path() / "kvm"};
    std::ofstream(files.kvm_device) << "opens";
    // Opening a pipe for reading waits for its writer.
    ASSERT_EQ(::mkfifo(files.cpuinfo.c_str(), 0600), 0);
    io::Runtime runtime;
    files::Disk disk(runtime.executor());
    auto choosing = runtime.start(choose_accelerator("auto", disk, runtime.time(), files));
    auto other = []() -> asio::awaitable<int> { co_return 42; };
    EXPECT_EQ(runtime.start(other()).get(), 42);
    EXPECT_FALSE(choosing.wait_for(0s));
    std::ofstream(files.cpuinfo) << without_vmx;
    EXPECT_THAT(choosing.get().reason,
                HasSubstr("/dev/kvm opens, but /proc/cpuinfo shows neither"));
    disk.end(1h);
}

TEST(Accelerator, TimeLimitsAreLongerForTcg) {
    EXPECT_EQ((AcceleratorChoice{Accelerator::kvm, false, ""}).limit_factor(), 1);
    EXPECT_EQ((AcceleratorChoice{Accelerator::tcg, false, ""}).limit_factor(), 5);
}

}  // namespace
}  // namespace charioteer::machine
