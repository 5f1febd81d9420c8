#include "machine/output_holders.hpp"

#include <fmt/format.h>

#include <charconv>

#include "io/error.hpp"
#include "io/printable.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

constexpr auto usual_limit = 300s;
/// Less than the agent's limit, which is in milliseconds with 32 bits.
constexpr unsigned longest_limit = 1'000'000;

}  // namespace

std::chrono::seconds parse_holder_limit(std::string_view seconds) {
    if (seconds.empty()) return usual_limit;
    unsigned number = 0;
    const auto* end = seconds.data() + seconds.size();
    auto parsed = std::from_chars(seconds.data(), end, number);
    bool whole = parsed.ec == std::errc() && parsed.ptr == end;
    if (!whole || number < 1 || number > longest_limit)
        throw io::UsageError(
            fmt::format("the environment variable CHARIOTEER_OUTPUT_HOLDER_LIMIT is \"{}\"; it "
                        "must be a whole number of seconds from 1 to {}",
                        io::printable(seconds, io::Colours::drop), longest_limit));
    return std::chrono::seconds(number);
}

std::string describe(const channel::HeldOutput& held, std::chrono::seconds limit) {
    using State = channel::HeldOutput::State;
    auto holders = held.holders.empty() ? std::string("a process that /proc does not show")
                                        : io::printable(held.holders, io::Colours::drop);
    if (held.state == State::not_ended)
        return fmt::format(
            "the limit of `{}` has passed, but {} has not ended, not even by SIGKILL; the answer "
            "is "
            "given without it (does a disk not respond?)",
            held.command, holders);
    auto state =
        fmt::format("`{}` has ended, but {} still has its stdout open", held.command, holders);
    if (held.state == State::waiting) return state + "; waiting until it is closed";
    return fmt::format(
        "{} and nothing was written to it for {} s; the answer does not have later "
        "output (CHARIOTEER_OUTPUT_HOLDER_LIMIT)",
        state, limit.count());
}

}  // namespace charioteer::machine
