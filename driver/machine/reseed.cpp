#include "machine/reseed.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "machine/agent_runner.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// For the answer of the guest, under KVM.
constexpr auto reseed_limit = 30s;
/// The most that the kernel's generator takes into account.
constexpr std::size_t size = 64;

std::string random_bytes() {
    std::string bytes(size, '\0');
    if (::getentropy(bytes.data(), bytes.size()) != 0)
        throw io::system_error("this host gave no random numbers", errno);
    return bytes;
}

std::string_view first_line(std::string_view text) {
    return text.substr(0, text.find('\n'));
}

/// Why it was not done; empty if it was, or where there is no agent.
asio::awaitable<std::string> try_to_reseed(std::shared_ptr<Context> context,
                                           std::shared_ptr<GuestAgent> agent) {
    auto deadline = context->deadline_after(reseed_limit);
    auto link = co_await agent->ready(deadline);
    if (!link) co_return std::string();
    auto command = command::built_in({"reseed"});
    command.input = random_bytes();
    AgentRunner runner(context, Liveness(context, agent));
    auto received = std::make_shared<Outcome>();
    auto outcome = co_await runner.run(link, std::move(command), received, deadline);
    if (outcome.status == 0) co_return std::string();
    co_return fmt::format("{} (status {})", first_line(outcome.errors), outcome.status);
}

}  // namespace

asio::awaitable<void> reseed(std::shared_ptr<Context> context, std::shared_ptr<GuestAgent> agent) {
    std::string why_not;
    try {
        why_not = co_await try_to_reseed(context, std::move(agent));
    } catch (const io::Error& error) {
        why_not = error.what();
    }
    if (why_not.empty()) co_return;
    context->warn(
        fmt::format("the random numbers of the guest's kernel were not renewed: {}; other guests "
                    "that are restored from the same state may draw the same ones",
                    why_not));
}

}  // namespace charioteer::machine
