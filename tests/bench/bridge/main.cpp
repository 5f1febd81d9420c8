/// Compares Charioteer's segment with upstream's `vde_switch --hub`, and one that keeps frames for
/// captures, or is joined to another one by a trunk, with one that is not, in one run and turn by
/// turn.
/// Plugs are separate processes, as QEMU is; the segment runs on a thread of this process, as in
/// the driver. Prints one JSON object, name to {ours, baseline, ratio, unit}. The arguments are the
/// number of turns (5), of which the median is printed, and the name of one measure (default: all).
/// With BRIDGE_BENCH_COUNTERS set, the counters of the segment are written to stderr.

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <list>
#include <optional>
#include <stdexcept>
#include <thread>

#include "io/time_source.hpp"
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
    /// What is measured beside a segment without it, which is the baseline then.
    enum class Change { none, keeps_frames, trunk } change = Change::none;

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
    {"bridge_capture_ring_64", "send", "receive", "stream", 64, "frames/s", 0,
     Measure::Change::keeps_frames},
    {"bridge_capture_ring", "send", "receive", "stream", 1500, "frames/s", 0,
     Measure::Change::keeps_frames},
    {"trunk_fps_64", "send", "receive", "stream", 64, "frames/s", 0, Measure::Change::trunk},
    {"trunk_fps_1500", "send", "receive", "stream", 1500, "frames/s", 0, Measure::Change::trunk},
    {"trunk_latency", "ping", "echo", "stream", 64, "us", 0, Measure::Change::trunk},
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

/// The passive plug, and bystanders, are at `far`.
double run_pair(const Measure& measure, const std::string& kind, const fs::path& near,
                const fs::path& far) {
    auto worker = [&](const char* role, const fs::path& address) {
        return std::vector<std::string>{"/proc/self/exe", role, kind, address.native(),
                                        std::to_string(measure.size)};
    };
    std::list<bench::Worker> bystanders;
    for (std::size_t i = 0; i < measure.bystanders; ++i)
        bystanders.emplace_back(worker("discard", far)).line();
    bench::Worker passive(worker(measure.passive, far));
    passive.line();
    bench::Worker active(worker(measure.active, near));
    active.line();
    return std::stod(measure.passive_reports() ? passive.line() : active.line());
}

double measure_baseline(const Measure& measure, const fs::path& directory) {
    auto control = directory / "hub.ctl";
    // It reports an error for every plug that disconnects under load.
    constexpr auto command = "exec vde_switch --sock \"$0\" --dirmode 0700 --hub 2>/dev/null";
    bench::Worker hub({"sh", "-c", command, control.native()});
    while (!fs::exists(control / "ctl")) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return run_pair(measure, "vde", control, control);
}

/// Joins both by a socket pair.
void join(Vlan& near, Vlan& far) {
    charioteer::io::SteadyTime time;
    auto deadline = time.deadline_after(std::chrono::seconds(10));
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        throw std::runtime_error("no socket pair");
    near.join({charioteer::io::UniqueFd(ends[0]), {}, "far"}, deadline);
    far.join({charioteer::io::UniqueFd(ends[1]), {}, "near"}, deadline);
}

double measure_ours(const Measure& measure, const fs::path& directory, Measure::Change change) {
    auto print = [](const charioteer::io::Event& event) { fmt::print(stderr, "{}\n", event.text); };
    Vlan segment(1, directory, print);
    if (change == Measure::Change::keeps_frames) segment.keep_frames();
    std::optional<Vlan> far;
    fs::create_directories(directory / "far");
    if (change == Measure::Change::trunk) join(segment, far.emplace(1, directory / "far", print));
    auto address = [&](const Vlan& vlan) {
        bool stream = std::string_view(measure.kind) == "stream";
        return stream ? vlan.stream_path() : vlan.control_directory();
    };
    auto result = run_pair(measure, measure.kind, address(segment), address(far ? *far : segment));
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
            baseline.push_back(
                measure.change == Measure::Change::none
                    ? measure_baseline(measure, workspace.path())
                    : measure_ours(measure, workspace.path(), Measure::Change::none));
            ours.push_back(measure_ours(measure, workspace.path(), measure.change));
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
