#include "report/junit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>
#include <utility>

#include "report/xml.hpp"

namespace charioteer::report {

namespace {

constexpr std::string_view suite = "NixOS integration test";
constexpr std::string_view main_case = "main";

std::string element(std::string_view tag, const std::vector<std::string>& lines) {
    std::string content;
    for (const auto& line : lines) content += (content.empty() ? "" : "\n") + xml_content(line);
    if (lines.empty()) return {};
    return fmt::format("\t\t\t<{0}>{1}</{0}>\n", tag, content);
}

std::string failure(const JunitCase& each) {
    constexpr std::string_view head = "\t\t\t<failure message=\"test case failed\"";
    if (!each.failed) return {};
    if (each.explanation.empty()) return fmt::format("{} />\n", head);
    return fmt::format("{}>{}</failure>\n", head, xml_content(each.explanation));
}

}  // namespace

std::string junit_text(const std::vector<JunitCase>& cases) {
    auto failures = std::count_if(cases.begin(), cases.end(),
                                  [](const JunitCase& each) { return each.failed; });
    auto totals =
        fmt::format("tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"0\" time=\"{:.3f}\"",
                    cases.size(), failures, cases[0].time.count());
    std::string result = "<?xml version='1.0' encoding='utf-8'?>\n";
    result += fmt::format("<testsuites {0}>\n\t<testsuite name=\"{1}\" {0}>\n", totals, suite);
    auto add = [&](const JunitCase& each) {
        auto head = fmt::format("\t\t<testcase name={} time=\"{:.3f}\"", xml_attribute(each.name),
                                each.time.count());
        auto content = failure(each);
        content += element("system-out", each.output) + element("system-err", each.errors);
        result += head + (content.empty() ? " />\n" : ">\n" + content + "\t\t</testcase>\n");
    };
    std::for_each(cases.begin() + 1, cases.end(), add);
    add(cases[0]);
    return result + "\t</testsuite>\n</testsuites>";
}

Junit::Junit(std::filesystem::path file) : file_(std::move(file)) {
    cases_.push_back({std::string(main_case), {}, {}, false, {}, {}});
}

JunitCase& Junit::current() {
    return cases_[open_.empty() ? 0 : open_.back().in];
}

void Junit::log(const std::string& text) {
    std::lock_guard lock(mutex_);
    current().output.push_back(text);
}

void Junit::fail(const std::string& text) {
    std::lock_guard lock(mutex_);
    current().errors.push_back(text);
    current().failed = true;
}

void Junit::explain(const std::string& reason) {
    std::lock_guard lock(mutex_);
    current().explanation = reason;
    current().failed = true;
}

void Junit::run_failed(const std::string& reason) {
    std::lock_guard lock(mutex_);
    if (std::any_of(cases_.begin(), cases_.end(),
                    [](const JunitCase& each) { return each.failed; }))
        return;
    current().errors.push_back(reason);
    current().failed = true;
}

std::size_t Junit::begin_subtest(const std::string& name) {
    std::lock_guard lock(mutex_);
    // A subtest may also be called "main".
    auto found = std::find_if(cases_.begin() + 1, cases_.end(),
                              [&](const JunitCase& each) { return each.name == name; });
    auto in = static_cast<std::size_t>(found - cases_.begin());
    if (found == cases_.end()) cases_.push_back({name, {}, {}, false, {}, {}});
    open_.push_back({++last_number_, std::this_thread::get_id(), in, Clock::now()});
    return last_number_;
}

void Junit::leave_subtest(std::size_t number) {
    std::lock_guard lock(mutex_);
    for (const auto& each : open_)
        if (each.number == number) cases_[each.in].time += Clock::now() - each.begin;
}

void Junit::end_subtest(std::size_t number) {
    std::lock_guard lock(mutex_);
    auto ended = std::find_if(open_.begin(), open_.end(),
                              [&](const Open& each) { return each.number == number; });
    if (ended == open_.end()) return;
    auto thread = ended->thread;
    open_.erase(
        std::remove_if(ended, open_.end(), [&](const Open& each) { return each.thread == thread; }),
        open_.end());
}

void Junit::write() {
    std::lock_guard lock(mutex_);
    if (finished_) return;
    cases_[0].time = Clock::now() - begin_;
    if (file_.has_parent_path()) std::filesystem::create_directories(file_.parent_path());
    errno = 0;
    std::ofstream stream(file_, std::ios::binary | std::ios::trunc);
    stream << junit_text(cases_) << std::flush;
    if (!stream) throw std::system_error(errno ? errno : EIO, std::system_category());
}

void Junit::take(const io::Event& event) {
    if (event.kind == io::EventKind::serial)
        log(fmt::format("{} # {}", event.machine, event.text));
    else
        log(event.text);
}

void Junit::finish(const std::string& reason) noexcept {
    try {
        run_failed(reason);
        write();
        std::lock_guard lock(mutex_);
        finished_ = true;
    } catch (const std::exception&) {
        // The process ends: an error cannot be handled any more.
    }
}

}  // namespace charioteer::report
