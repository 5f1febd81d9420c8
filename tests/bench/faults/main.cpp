/// Measures network faults: how exact delays and rates are, and what many links cost. Prints one
/// JSON object, name to {ours, baseline, unit}.

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>

#include "timing.hpp"
#include "vlan/fault/pipeline.hpp"

namespace {

using namespace charioteer::vlan;
using Clock = std::chrono::steady_clock;

const char* separator = "";

void print(const std::string& name, double ours, double baseline, const char* unit) {
    fmt::print("{}\n  \"{}\": {{\"ours\": {:.4f}, \"baseline\": {:.4f}, \"unit\": \"{}\"}}",
               std::exchange(separator, ","), name, ours, baseline, unit);
    std::fflush(stdout);
}

double quantile(std::vector<double> values, double share) {
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

/// Links between stations, each with a fault of its own, and frames on all of them in turn.
class ManyLinks {
public:
    explicit ManyLinks(std::size_t links) {
        auto before = ::mallinfo2().uordblks;
        for (std::size_t i = 0; i < links; ++i) {
            auto from = fmt::format("n{}", i / 100);
            auto to = fmt::format("m{}", i % 100);
            fault::Spec spec;
            spec.name = fmt::format("flaky-{}", i);
            spec.kind = fault::Lose{0.2, 0.75};
            spec.links = {{from, to}};
            pipeline_.add(std::move(spec));
            links_.push_back({stations_.number(from), stations_.number(to)});
        }
        run(1);
        bytes_ = static_cast<double>(::mallinfo2().uordblks - before) / static_cast<double>(links);
    }
    /// Of each link and its fault.
    double bytes() const { return bytes_; }
    /// The time for a frame, in nanoseconds.
    double run(std::size_t frames_for_each) {
        std::vector<std::byte> bytes(length_size + 1500);
        Frame frame{bytes.data() + length_size, 1500};
        fault::Packets out;
        auto begin = Clock::now();
        for (std::size_t i = 0; i < frames_for_each; ++i) {
            for (auto link : links_) {
                out.clear();
                pipeline_.pass(link, {frame, {}}, begin, out);
            }
        }
        std::chrono::duration<double, std::nano> time = Clock::now() - begin;
        return time.count() / static_cast<double>(frames_for_each * links_.size());
    }

private:
    fault::Stations stations_;
    fault::Pipeline pipeline_{stations_};
    std::vector<fault::Link> links_;
    double bytes_ = 0;
};

void measure() {
    fmt::print("{{");
    auto delayed = bench::delay_errors(true);
    auto direct = bench::delay_errors(false);
    print("fault_delay_error_median", quantile(delayed, 0.5), quantile(direct, 0.5), "ms");
    print("fault_delay_error_p99", quantile(delayed, 0.99), quantile(direct, 0.99), "ms");
    for (double megabits : {1.0, 10.0, 100.0})
        print(fmt::format("fault_rate_{:g}_mbit", megabits), bench::measured_rate(megabits),
              megabits, "Mbit/s");
    ManyLinks one(1);
    ManyLinks many(10'000);
    print("fault_10000_links_frame", many.run(100), one.run(1'000'000), "ns");
    print("fault_10000_links_memory", many.bytes(), 1500, "bytes");
    fmt::print("\n}}\n");
}

}  // namespace

int main() {
    try {
        measure();
        return 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "fault_bench: {}\n", error.what());
        return 1;
    }
}
