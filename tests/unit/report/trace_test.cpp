#include "report/trace.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <fstream>
#include <iterator>
#include <thread>

#include "fakes/temporary_directory.hpp"

namespace charioteer::report {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

std::vector<json::object> records_of(const std::filesystem::path& file) {
    std::ifstream stream(file);
    std::vector<json::object> records;
    for (std::string line; std::getline(stream, line);)
        records.push_back(json::parse(line).as_object());
    return records;
}

/// A trace of a run that has begun at 0 s.
struct Traced {
    std::filesystem::path file() const { return directory.path() / "trace.jsonl"; }
    std::vector<json::object> close() {
        EXPECT_EQ(trace.close(Record().text("status", "passed")), "");
        return records_of(file());
    }

    fakes::TemporaryDirectory directory;
    Trace::TimePoint now;
    Trace trace{
        file(), Record().number("version", std::int64_t{1}), {1 << 20, [this] { return now; }}};
};

TEST(Trace, HasTheRunAndItsResultAtItsEnds) {
    Traced run;
    run.now += 2500ms;
    auto records = run.close();
    ASSERT_EQ(records.size(), 2);
    EXPECT_EQ(records[0], (json::object{{"kind", "run"}, {"t", 0.0}, {"version", 1}}));
    EXPECT_EQ(records[1], (json::object{{"kind", "result"}, {"t", 2.5}, {"status", "passed"}}));
}

TEST(Trace, MeasuresSpans) {
    Traced run;
    run.now += 1s;
    auto outer = run.trace.begin_span(Record().text("name", "outer"));
    auto inner = run.trace.begin_span(Record().text("name", "inner"));
    run.now += 500ms;
    run.trace.end_span(inner, Record().flag("ok", false));
    run.trace.end_span(inner, Record().flag("ok", true));
    run.now += 1s;
    run.trace.end_span(outer, Record());
    auto records = run.close();
    ASSERT_EQ(records.size(), 6);
    EXPECT_NE(outer, inner);
    EXPECT_EQ(records[3],
              (json::object{
                  {"kind", "end"}, {"t", 1.5}, {"span", inner}, {"duration", 0.5}, {"ok", false}}));
    EXPECT_EQ(records[4].at("duration").as_double(), 1.5);
}

TEST(Trace, TakesEventsOfTheCore) {
    Traced run;
    run.trace.observe({io::EventKind::serial, "web", "booting"}, false);
    run.trace.observe({io::EventKind::warning, "", "careful"}, true);
    run.trace.observe({io::EventKind::state, "web", "start", {{"pid", "7"}}}, true);
    run.trace.observe({io::EventKind::progress, "web", "50 %"}, true);
    run.trace.observe({io::EventKind::traffic,
                       "",
                       "3",
                       {{"frames", "9"}, {"bytes", "800"}, {"sender", "my web.1 9 800"}}},
                      true);
    auto records = run.close();
    ASSERT_EQ(records.size(), 6);
    EXPECT_EQ(records[1], (json::object{{"kind", "console"},
                                        {"t", 0.0},
                                        {"machine", "web"},
                                        {"text", "booting"},
                                        {"hidden", true}}));
    EXPECT_EQ(records[2].at("level"), "warning");
    EXPECT_EQ(records[3].at("state"), "start");
    EXPECT_EQ(records[3].at("details").at("pid"), "7");
    EXPECT_EQ(records[4], (json::object{{"kind", "traffic"},
                                        {"t", 0.0},
                                        {"vlan", 3},
                                        {"frames", 9},
                                        {"bytes", 800},
                                        {"senders", json::array{"my web.1"}},
                                        {"sender_frames", json::array{9}},
                                        {"sender_bytes", json::array{800}}}));
}

TEST(Trace, IsJsonForAllBytes) {
    Traced run;
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
    run.trace.observe({io::EventKind::serial, "web", all + "\xc3\xa9\xf0\x9f\x90\x8e\xe2\x82"},
                      true);
    auto records = run.close();
    std::string_view text = records.at(1).at("text").as_string();
    EXPECT_EQ(text.substr(0, 128), std::string_view(all).substr(0, 128));
    EXPECT_TRUE(text.substr(128).starts_with("\xef\xbf\xbd"));
    EXPECT_TRUE(text.ends_with("\xc3\xa9\xf0\x9f\x90\x8e\xef\xbf\xbd\xef\xbf\xbd"));
}

TEST(Trace, LeavesOutTheMiddleOfLongTextsBetweenCharacters) {
    Traced run;
    std::string text;
    while (text.size() < 40'000) text += "\xe2\x82\xac";
    run.trace.add("message", Record().text("text", text));
    auto record = run.close().at(1);
    std::string kept(record.at("text").as_string());
    auto left_out = record.at("cut").at("text").as_int64();
    auto mark = "\n[... " + std::to_string(left_out) + " bytes left out ...]\n";
    EXPECT_EQ(kept.size(), text.size() - static_cast<std::size_t>(left_out) + mark.size());
    EXPECT_NE(kept.find("\xe2\x82\xac" + mark + "\xe2\x82\xac"), kept.npos);
}

TEST(Trace, IsReadableWhileTheRunLasts) {
    Traced run;
    run.trace.observe({io::EventKind::serial, "web", "booting"}, true);
    auto is_complete = [&] {
        std::ifstream stream(run.file());
        std::string text(std::istreambuf_iterator<char>(stream), {});
        return std::count(text.begin(), text.end(), '\n') == 2;
    };
    auto limit = std::chrono::steady_clock::now() + 30s;
    while (!is_complete() && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
    EXPECT_EQ(records_of(run.file()).size(), 2);
}

TEST(Trace, IsReadableByItsOwnerOnlyAlsoInPlaceOfAnotherFile) {
    fakes::TemporaryDirectory directory;
    auto file = directory.path() / "trace.jsonl";
    auto target = directory.path() / "target";
    std::ofstream(target) << "precious";
    std::filesystem::create_symlink(target, file);
    Trace trace(file, Record(), {});
    trace.close(Record());
    struct stat status {};
    ASSERT_EQ(::lstat(file.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600);
    EXPECT_TRUE(S_ISREG(status.st_mode));
    EXPECT_EQ(std::filesystem::file_size(target), 8);
}

TEST(Trace, IgnoresWhatComesAfterTheResult) {
    Traced run;
    run.trace.finish("interrupted by SIGTERM");
    run.trace.add("message", Record());
    run.trace.finish("again");
    auto records = records_of(run.file());
    ASSERT_EQ(records.size(), 2);
    EXPECT_EQ(records[1].at("status"), "interrupted");
    EXPECT_EQ(records[1].at("reason"), "interrupted by SIGTERM");
}

TEST(Trace, CountsWhatAFullQueueCannotTake) {
    Traced run;
    // More than the queue takes, in a loop that is faster than the thread; what was not queued and
    // what was removed from the file add up.
    std::string text(1000, 'x');
    constexpr int count = 5000;
    for (int at = 0; at < count; ++at)
        run.trace.observe({io::EventKind::serial, "web", text}, true);
    std::int64_t found = 0;
    for (const auto& record : run.close()) {
        if (record.at("kind") == "console") ++found;
        if (record.at("kind") == "omitted") found += record.at("records").at("console").as_int64();
    }
    EXPECT_EQ(found, count);
    EXPECT_LE(std::filesystem::file_size(run.file()), 1 << 20);
}

}  // namespace
}  // namespace charioteer::report
