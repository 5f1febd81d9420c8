#include "io/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

namespace charioteer::io {
namespace {

TEST(Error, EachLayerPrependsItsContext) {
    Error error("no reply");
    error.add_context("powering down");
    error.add_context("web");
    EXPECT_STREQ(error.what(), "web: powering down: no reply");
}

TEST(Error, NotesAreSeparateFromTheMessage) {
    Error error("no reply");
    error.add_note("QEMU still runs");
    error.add_note("last line: login:");
    EXPECT_STREQ(error.what(), "no reply");
    EXPECT_THAT(error.notes(), testing::ElementsAre("QEMU still runs", "last line: login:"));
}

TEST(Error, ContextKeepsTheTypeOfTheError) {
    auto fail = [] {
        try {
            throw ConnectionLost("QEMU ended");
        } catch (Error& error) {
            error.add_context("web");
            throw;
        }
    };
    try {
        fail();
        FAIL() << "expected a ConnectionLost";
    } catch (const ConnectionLost& error) {
        EXPECT_STREQ(error.what(), "web: QEMU ended");
    }
}

TEST(Error, InterruptedIsNotAnError) {
    EXPECT_FALSE((std::is_base_of_v<Error, Interrupted>));
}

TEST(SystemError, HasTheTextOfTheCode) {
    EXPECT_STREQ(system_error("opening x", ENOENT).what(), "opening x: No such file or directory");
}

}  // namespace
}  // namespace charioteer::io
