/// Compares Charioteer's segment with upstream's `vde_switch --hub`, and one that keeps frames for
/// captures with one that does not, in one run and turn by turn.
/// Plugs are separate processes, as QEMU is; the segment runs on a thread of this process, as in
/// the driver. Prints one JSON object, name to {ours, baseline, ratio, unit}. The arguments are the
/// number of turns (5), of which the median is printed, and the name of one measure (default: all).
/// With BRIDGE_BENCH_COUNTERS set, the counters of the segment are written to stderr.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <list>
#include <stdexcept>
#include <thread>

#include "roles.hpp"
#include "vlan/vlan.hpp"
#include "worker.hpp"

namespace {

namespace fs = std::filesystem;
using charioteer::vlan::Vlan;

struct Measure {
    const char* name;
    const char* active;   ///< role of the plug that acts
    const char* passive;  ///< role of the plug that is attached first
    const char* kind;     ///< of the segment's plugs; those of the baseline are always "vde"
    std::size_t size;
    const char* unit;
    std::size_t bystanders = 0;  ///< further plugs, which discard received frames
    bool keeps_frames = false;   ///< then the baseline is a segment that does not keep them

    /// Frames are counted by the passive plug, round trips timed by the active one.
    bool passive_reports() const { return std::string_view(passive) == "receive"; }
};

constexpr Measure measures[] = {
    {"bridge_vde_fps_64", "send", "receive", "vde", 64, "frames/s"},
    {"bridge_vde_fps_1500", "send", "receive", "vde", 1500, "frames/s"},
    {"bridge_vde_latency", "ping", "echo", "vde", 64, "us"},
    {"bridge_fps_64", "send", "receive", "stream", 64, "frames/s"},
    {"bridge_fps_1500", "send", "receive", "stream", 1500, "frames/s"},
    {"bridge_latency", "ping", "echo", "stream", 64, "us"},
    {"bridge_vde_four_plugs_fps_1500", "send", "receive", "vde", 1500, "frames/s", 2},
    {"bridge_four_plugs_fps_1500", "send", "receive", "stream", 1500, "frames/s", 2},
    {"bridge_capture_ring_64", "send", "receive", "stream", 64, "frames/s", 0, true},
    {"bridge_capture_ring", "send", "receive", "stream", 1500, "frames/s", 0, true},
};

/// A new directory, removed by the destructor.
class Workspace {
public:
    Workspace() {
        std::string pattern = (fs::temp_directory_path() / "bridge-bench.XXXXXX").native();
        if (::mkdtemp(pattern.data()) == nullptr)
            throw std::runtime_error("no temporary directory");
        path_ = pattern;
    }
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;
    ~Workspace() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

double run_pair(const Measure& measure, const std::string& kind, const fs::path& address) {
    auto worker = [&](const char* role) {
        return std::vector<std::string>{"/proc/self/exe", role, kind, address.native(),
                                        std::to_string(measure.size)};
    };
    std::list<bench::Worker> bystanders;
    for (std::size_t i = 0; i < measure.bystanders; ++i)
        bystanders.emplace_back(worker("discard")).line();
    bench::Worker passive(worker(measure.passive));
    passive.line();
    bench::Worker active(worker(measure.active));
    active.line();
    return std::stod(measure.passive_reports() ? passive.line() : active.line());
}

double measure_baseline(const Measure& measure, const fs::path& directory) {
    auto control = directory / "hub.ctl";
    // It reports an error for every plug that disconnects under load.
    constexpr auto command = "exec vde_switch --sock \"$0\" --dirmode 0700 --hub 2>/dev/null";
    bench::Worker hub({"sh", "-c", command, control.native()});
    while (!fs::exists(control / "ctl")) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return run_pair(measure, "vde", control);
}

double measure_ours(const Measure& measure, const fs::path& directory, bool keeps_frames) {
    Vlan segment(1, directory, [](const charioteer::io::Event& event) {
        fmt::print(stderr, "{}\n", event.text);
    });
    if (keeps_frames) segment.keep_frames();
    bool stream = std::string_view(measure.kind) == "stream";
    auto result = run_pair(measure, measure.kind,
                           stream ? segment.stream_path() : segment.control_directory());
    if (std::getenv("BRIDGE_BENCH_COUNTERS") != nullptr)
        for (const auto& [name, value] : segment.counters().named())
            fmt::print(stderr, "{} {} {}\n", measure.name, name, value);
    return result;
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

void compare(std::size_t turns, std::string_view only) {
    Workspace workspace;
    const char* separator = "";
    fmt::print("{{");
    for (const auto& measure : measures) {
        if (!only.empty() && only != measure.name) continue;
        std::vector<double> ours;
        std::vector<double> baseline;
        for (std::size_t turn = 0; turn < turns; ++turn) {
            baseline.push_back(measure.keeps_frames ? measure_ours(measure, workspace.path(), false)
                                                    : measure_baseline(measure, workspace.path()));
            ours.push_back(measure_ours(measure, workspace.path(), measure.keeps_frames));
        }
        fmt::print(
            "{}\n  \"{}\": {{\"ours\": {:.1f}, \"baseline\": {:.1f}, \"ratio\": {:.3f}, "
            "\"unit\": \"{}\"}}",
            std::exchange(separator, ","), measure.name, median(ours), median(baseline),
            median(ours) / median(baseline), measure.unit);
        std::fflush(stdout);
    }
    fmt::print("\n}}\n");
}

}  // namespace

int main(int count, char** arguments) {
    try {
        if (count == 5) {
            bench::play({arguments[1], arguments[2], arguments[3], std::stoul(arguments[4])});
        } else {
            compare(count > 1 ? std::max(1ul, std::stoul(arguments[1])) : 5,
                    count > 2 ? arguments[2] : "");
        }
        return 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "bridge_bench: {}\n", error.what());
        return 1;
    }
}
