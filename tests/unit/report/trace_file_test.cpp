#include "report/trace_file.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <fstream>

#include "fakes/temporary_directory.hpp"

namespace charioteer::report {
namespace {

namespace json = boost::json;

constexpr std::size_t max_size = 8000;

std::string line(std::string_view kind, int number) {
    return fmt::format("{{\"kind\":\"{}\",\"t\":{}.0,\"number\":{}}}\n", kind, number, number);
}

struct Written {
    std::filesystem::path path() const { return directory.path() / "trace.jsonl"; }
    std::vector<json::object> records() const {
        std::ifstream stream(path());
        std::vector<json::object> all;
        for (std::string each; std::getline(stream, each);)
            all.push_back(json::parse(each).as_object());
        return all;
    }
    std::vector<std::int64_t> numbers(std::string_view kind) const {
        std::vector<std::int64_t> found;
        for (const auto& record : records())
            if (record.at("kind") == json::string_view(kind))
                found.push_back(record.at("number").as_int64());
        return found;
    }
    std::int64_t omitted(std::string_view kind) const {
        std::int64_t sum = 0;
        for (const auto& record : records())
            if (record.at("kind") == "omitted")
                if (const auto* count = record.at("records").as_object().if_contains(kind))
                    sum += count->to_number<std::int64_t>();
        return sum;
    }

    fakes::TemporaryDirectory directory;
    TraceFile file{path(), max_size};
};

TEST(TraceFile, KeepsEverythingBelowItsLimit) {
    Written written;
    for (int at = 0; at < 100; ++at) written.file.append(line("console", at), {});
    EXPECT_EQ(written.numbers("console").size(), 100);
    EXPECT_EQ(written.omitted("console"), 0);
}

TEST(TraceFile, KeepsItsBeginItsEndAndTheStepsBetween) {
    Written written;
    written.file.append(line("run", 0), {});
    for (int at = 1; at <= 2000; ++at) {
        written.file.append(line(at % 100 == 0 ? "begin" : "console", at), {});
        EXPECT_LE(std::filesystem::file_size(written.path()), max_size);
    }
    EXPECT_EQ(written.numbers("run").size(), 1);
    EXPECT_EQ(written.numbers("begin").size(), 20);
    auto consoles = written.numbers("console");
    EXPECT_EQ(consoles.front(), 1);
    EXPECT_EQ(consoles.back(), 1999);
    EXPECT_EQ(static_cast<std::int64_t>(consoles.size()) + written.omitted("console"), 1980);
    EXPECT_EQ(written.file.error(), "");
}

TEST(TraceFile, KeepsTheLatestOfTooManySteps) {
    Written written;
    for (int at = 0; at < 2000; ++at) written.file.append(line("end", at), {});
    auto ends = written.numbers("end");
    EXPECT_EQ(ends.front(), 0);
    EXPECT_EQ(ends.back(), 1999);
    EXPECT_EQ(static_cast<std::int64_t>(ends.size()) + written.omitted("end"), 2000);
}

TEST(TraceFile, IsInTheOrderOfTimeAfterReplacement) {
    Written written;
    for (int at = 0; at < 2000; ++at) written.file.append(line(at % 7 ? "console" : "end", at), {});
    double before = 0;
    for (const auto& record : written.records()) {
        EXPECT_GE(record.at("t").to_number<double>(), before) << record;
        before = record.at("t").to_number<double>();
    }
}

TEST(TraceFile, CountsWhatItsCallerHasLost) {
    Written written;
    written.file.append(line("run", 0), {});
    written.file.append(line("end", 5), {{"console", 3}, {"message", 1}});
    auto records = written.records();
    ASSERT_EQ(records.size(), 3);
    EXPECT_EQ(records[1].at("kind"), "omitted");
    EXPECT_EQ(records[1].at("t").to_number<double>(), 5.0);
    EXPECT_EQ(written.omitted("console"), 3);
    EXPECT_EQ(written.omitted("message"), 1);
}

TEST(TraceFile, ReportsThatItCannotBeReplaced) {
    Written written;
    written.file.append(line("run", 0), {});
    std::filesystem::create_directories(written.directory.path() / "trace.jsonl.new/in the way");
    for (int at = 0; at < 1000; ++at) written.file.append(line("console", at), {});
    EXPECT_NE(written.file.error(), "");
    EXPECT_FALSE(written.records().empty());
    EXPECT_LE(std::filesystem::file_size(written.path()), max_size);
}

}  // namespace
}  // namespace charioteer::report
