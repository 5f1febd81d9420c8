#include "machine/accelerator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/error.hpp"

namespace charioteer::machine {
namespace {

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

TEST(Accelerator, AnUnknownWishNamesTheVariableAndItsValues) {
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

TEST(Accelerator, OnlyTryingTellsWhenAllLooksWell) {
    EXPECT_FALSE(decide_accelerator("auto", with_vmx, true));
    // Other families have no such flags.
    EXPECT_FALSE(decide_accelerator("", "processor : 0\nFeatures : fp\n", true));
}

TEST(Accelerator, TcgGetsMoreTime) {
    EXPECT_EQ((AcceleratorChoice{Accelerator::kvm, false, ""}).patience(), 1);
    EXPECT_EQ((AcceleratorChoice{Accelerator::tcg, false, ""}).patience(), 5);
}

}  // namespace
}  // namespace charioteer::machine
