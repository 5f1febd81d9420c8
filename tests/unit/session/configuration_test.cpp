#include "session/configuration.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes/temporary_directory.hpp"
#include "io/error.hpp"

namespace charioteer::session {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

constexpr std::string_view whole = R"({
  "vms": {"b": {"name": "b", "start_script": "/b"}, "a": {"start_script": "/a", "new": 1}},
  "containers": {},
  "vlans": [2, 1],
  "global_timeout": 3600,
  "enable_ssh_backdoor": true,
  "test_script": "/script",
  "display_viewers": null
})";

std::string failure_of(std::string_view text) {
    try {
        parse_configuration(text, "driver.json");
    } catch (const io::UsageError& error) {
        return error.what();
    }
    return "";
}

/// `whole` with one piece of text replaced.
std::string changed(std::string_view from, std::string_view to) {
    std::string text(whole);
    text.replace(text.find(from), from.size(), to);
    return text;
}

TEST(Configuration, ReadsWhatTheDriverNeedsAndIgnoresTheRest) {
    auto configuration = parse_configuration(whole, "driver.json");
    EXPECT_THAT(configuration.vms, ElementsAre(Pair("b", "/b"), Pair("a", "/a")));
    EXPECT_TRUE(configuration.containers.empty());
    EXPECT_THAT(configuration.vlans, ElementsAre(2, 1));
    EXPECT_EQ(configuration.global_timeout, 3600);
    EXPECT_TRUE(configuration.enable_ssh_backdoor);
    EXPECT_EQ(configuration.test_script, "/script");
}

TEST(Configuration, AddressesOfContainersMayBeGiven) {
    EXPECT_TRUE(parse_configuration(whole, "driver.json").container_addresses.empty());
    auto with = [](const std::string& value) {
        return changed("\"vlans\"", "\"container_addresses\": " + value + ", \"vlans\"");
    };
    auto configuration = parse_configuration(with(R"({"1": {"02:00:00:00:00:01": "box"}})"), "");
    EXPECT_THAT(configuration.container_addresses,
                ElementsAre(Pair("1", ElementsAre(Pair("02:00:00:00:00:01", "box")))));
    for (const auto* wrong : {"[]", R"({"1": 1})", R"({"1": {"02:00:00:00:00:01": 1}})"})
        EXPECT_THAT(failure_of(with(wrong)),
                    HasSubstr("container_addresses: expected an object of objects with strings"));
}

TEST(Configuration, ATimeLimitMayBeAnIsoDuration) {
    auto limit_of = [](std::string_view text) {
        return parse_configuration(changed("3600", text), "driver.json").global_timeout;
    };
    EXPECT_EQ(limit_of(R"("PT1H")"), 3600);
    EXPECT_EQ(limit_of(R"("P1DT2H3M4.5S")"), 93784.5);
    EXPECT_EQ(limit_of(R"("P2D")"), 172800);
    for (const auto* text : {"1e999", R"("")", R"("P")", R"("PT")", R"("1H")", R"("P1H")",
                             R"("PT1D")", R"("PT1S1H")", R"("PT1")", R"("PT-1S")", R"("PT1HT1S")"})
        EXPECT_THAT(failure_of(changed("3600", text)), HasSubstr("global_timeout: expected"))
            << text;
}

TEST(Configuration, AMissingKeyIsNamedWithWhatWasExpected) {
    EXPECT_EQ(failure_of(changed("\"vlans\"", "\"lans\"")),
              "driver.json: vlans is missing: expected a list of VLAN numbers");
    EXPECT_EQ(failure_of(changed("\"start_script\": \"/a\", ", "")),
              "driver.json: vms.a.start_script is missing: expected the path of a program");
}

TEST(Configuration, AValueOfTheWrongTypeIsNamedWithItsType) {
    EXPECT_EQ(failure_of(changed("[2, 1]", "[2, \"1\"]")),
              "driver.json: vlans[1]: expected a number, zero or more, found a string");
    EXPECT_EQ(failure_of(changed("3600", "-1")),
              "driver.json: global_timeout: expected a number of seconds, zero or more, or a "
              "duration as \"PT1H30M\", found a "
              "number");
    EXPECT_EQ(failure_of(changed("{\"name\": \"b\", \"start_script\": \"/b\"}", "\"/b\"")),
              "driver.json: vms.b: expected an object with start_script, found a string");
    EXPECT_EQ(failure_of(changed("true", "1")),
              "driver.json: enable_ssh_backdoor: expected true or false, found a number");
    EXPECT_EQ(failure_of("[]"), "driver.json: expected an object, found a list");
}

TEST(Configuration, InvalidJsonIsRejectedWithItsLine) {
    EXPECT_THAT(failure_of(changed("[2, 1]", "[2, 1")),
                AllOf(HasSubstr("driver.json: not JSON: "), HasSubstr(" in line ")));
    EXPECT_THAT(failure_of(""), HasSubstr("driver.json: not JSON: "));
    EXPECT_THAT(failure_of(std::string(whole) + "x"), HasSubstr("not JSON"));
}

TEST(Configuration, EveryTruncatedFileIsRejected) {
    for (std::size_t size = 0; size + 1 < whole.size(); ++size)
        EXPECT_NE(failure_of(whole.substr(0, size)), "") << "cut at " << size;
}

TEST(Configuration, AFileThatCannotBeReadIsNamed) {
    fakes::TemporaryDirectory directory;
    for (const auto& path : {directory.path() / "none.json", directory.path()}) {
        try {
            load_configuration(path);
            FAIL();
        } catch (const io::UsageError&) {
            FAIL() << "that is for content";
        } catch (const io::Error& error) {
            EXPECT_THAT(error.what(), HasSubstr(path.string()));
        }
    }
}

}  // namespace
}  // namespace charioteer::session
