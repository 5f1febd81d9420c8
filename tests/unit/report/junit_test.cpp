#include "report/junit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <regex>
#include <system_error>
#include <thread>

#include "fakes/temporary_directory.hpp"

namespace charioteer::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class JunitTest : public ::testing::Test {
protected:
    /// The report without its times.
    std::string written() {
        junit_.write();
        std::ifstream stream(file_);
        std::string text(std::istreambuf_iterator<char>(stream), {});
        return std::regex_replace(text, std::regex("time=\"[0-9.]+\""), "time=\"T\"");
    }

    fakes::TemporaryDirectory directory_;
    std::filesystem::path file_ = directory_.path() / "deep/report.xml";
    Junit junit_{file_};
};

TEST_F(JunitTest, AnExplanationIsTheTextOfTheFailure) {
    auto part = junit_.begin_subtest("part");
    junit_.fail("wrong");
    junit_.leave_subtest(part);
    junit_.explain("the disk is full:\n<100 %>");
    EXPECT_THAT(written(), HasSubstr("<failure message=\"test case failed\">the disk is full:\n"
                                     "&lt;100 %&gt;</failure>\n\t\t\t<system-err>wrong"));
}

TEST_F(JunitTest, HasACaseForEachSubtestAndMainLast) {
    junit_.log("before");
    auto first = junit_.begin_subtest("a <b>");
    junit_.log("in it");
    junit_.leave_subtest(first);
    junit_.end_subtest(first);
    junit_.log("after");
    EXPECT_EQ(written(), R"(<?xml version='1.0' encoding='utf-8'?>
<testsuites tests="2" failures="0" errors="0" skipped="0" time="T">
	<testsuite name="NixOS integration test" tests="2" failures="0" errors="0" skipped="0" time="T">
		<testcase name="a &lt;b&gt;" time="T">
			<system-out>in it</system-out>
		</testcase>
		<testcase name="main" time="T">
			<system-out>before
after</system-out>
		</testcase>
	</testsuite>
</testsuites>)");
}

TEST_F(JunitTest, ASubtestThatFailsStaysTheCurrentCase) {
    junit_.begin_subtest("outer");
    auto inner = junit_.begin_subtest("inner");
    junit_.fail("no");
    junit_.leave_subtest(inner);
    junit_.log("why");
    EXPECT_THAT(written(), HasSubstr("<testcase name=\"inner\" time=\"T\">\n"
                                     "\t\t\t<failure message=\"test case failed\" />\n"
                                     "\t\t\t<system-out>why</system-out>\n"
                                     "\t\t\t<system-err>no</system-err>\n"));
}

TEST_F(JunitTest, ASubtestEndsInnerOnesOfItsThread) {
    auto outer = junit_.begin_subtest("outer");
    junit_.begin_subtest("inner");
    std::thread([this] { junit_.begin_subtest("other"); }).join();
    junit_.end_subtest(outer);
    junit_.log("of the other");
    EXPECT_THAT(written(), HasSubstr("<testcase name=\"other\" time=\"T\">\n"
                                     "\t\t\t<system-out>of the other</system-out>\n"));
}

TEST_F(JunitTest, ARunThatFailedIsAFailureOnceOnly) {
    junit_.run_failed("interrupted");
    EXPECT_THAT(written(), HasSubstr("<system-err>interrupted</system-err>"));
    junit_.run_failed("again");
    EXPECT_THAT(written(), Not(HasSubstr("again")));
}

TEST_F(JunitTest, ItsEndHasTheLogOfTheCore) {
    junit_.take({io::EventKind::serial, "web", "boo\x1bt\n\xffing"});
    junit_.take({io::EventKind::log, {}, "time is up"});
    junit_.finish("interrupted");
    junit_.fail("of a script that goes on");
    auto text = written();
    EXPECT_THAT(text, HasSubstr("<system-out>web # boot\ning\ntime is up</system-out>"));
    EXPECT_THAT(text, HasSubstr("<system-err>interrupted</system-err>"));
}

TEST_F(JunitTest, AFileThatCannotBeWrittenIsAnErrorExceptAtTheEnd) {
    std::filesystem::create_directories(file_);
    EXPECT_THROW(junit_.write(), std::system_error);
    junit_.finish("interrupted");
}

}  // namespace
}  // namespace charioteer::report
