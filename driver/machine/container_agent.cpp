#include "machine/container_agent.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>

#include "io/printable.hpp"
#include "io/single_flight.hpp"
#include "machine/agent_program.hpp"
#include "machine/output_holders.hpp"
#include "process/child.hpp"
#include "process/guard/message.hpp"
#include "process/spawn.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// For the start of the agent, from reading its program to its hello.
constexpr auto start_limit = 60s;
/// From the end of the connection to the exit status of nsenter.
constexpr auto status_limit = 3s;
/// From the end of the agent to the end of the container that has caused it.
constexpr auto end_limit = 5s;
constexpr auto check_interval = 10ms;
/// Linux 6.3 and later: the file can be executed, whatever vm.memfd_noexec is.
constexpr unsigned memfd_exec = 0x10;

/// A file in memory, which needs no folder in the container.
io::UniqueFd memory_file(std::string_view content) {
    io::UniqueFd fd(::memfd_create("charioteer-agent", MFD_CLOEXEC | memfd_exec));
    if (!fd) fd = io::UniqueFd(::memfd_create("charioteer-agent", MFD_CLOEXEC));
    while (fd && !content.empty()) {
        auto put = ::write(fd.get(), content.data(), content.size());
        if (put < 0) fd.reset();
        content.remove_prefix(put < 0 ? content.size() : static_cast<std::size_t>(put));
    }
    if (!fd) throw io::system_error("cannot make a file in memory", errno);
    return fd;
}

asio::awaitable<std::string> load_program(std::shared_ptr<Host> host) {
    auto load = [] {
        utsname here{};
        ::uname(&here);
        return load_agent_program(here.machine);
    };
    co_return co_await host->disk().run(std::move(load));
}

/// Why there is no agent: how nsenter ended, with its output.
asio::awaitable<std::string> final_state(std::shared_ptr<process::Child> child,
                                         io::TimeSource& time) {
    try {
        co_await child->wait(time.deadline_after(status_limit));
    } catch (const io::TimeoutError&) {
        co_return "the agent closed the connection, and nsenter still runs";
    }
    // nsenter succeeds when the agent has detached itself.
    if (child->status()->returncode() == 0) co_return "the agent in the container ended";
    auto text = fmt::format("nsenter {}", child->status()->describe());
    auto output = child->last_output();
    while (output.ends_with('\n')) output.remove_suffix(1);
    if (!output.empty()) text += ": " + io::printable(output, io::Colours::drop);
    co_return text;
}

}  // namespace

/// One container from its start to its end.
struct ContainerAgent::Run {
    explicit Run(ContainerEntry given)
        : entry(std::move(given)), leader(process::open_pidfd(entry.leader)) {}

    /// Its end has begun: the first process leaves its namespaces before it waits for the others.
    bool over() const {
        pollfd ended{leader.get(), POLLIN, 0};
        if (::poll(&ended, 1, 0) == 1) return true;
        auto name = fmt::format("/proc/{}/ns/mnt", entry.leader);
        return ::access(name.c_str(), F_OK) != 0 && errno == ENOENT;
    }

    void drop_agent() {
        if (link) link->channel().close();
        if (child) child->kill();
    }

    ContainerEntry entry;
    io::UniqueFd leader;
    std::shared_ptr<process::Child> child;  ///< nsenter, of the last start
    std::shared_ptr<AgentLink> link;
    io::SingleFlight<std::shared_ptr<AgentLink>> starting;
};

ContainerAgent::ContainerAgent(std::shared_ptr<Context> context)
    : GuestAgent(context), context_(std::move(context)) {}

ContainerAgent::~ContainerAgent() {
    leave();
}

void ContainerAgent::enter(ContainerEntry entry) {
    leave();
    run_ = std::make_shared<Run>(std::move(entry));
}

void ContainerAgent::leave() {
    auto run = std::exchange(run_, nullptr);
    if (run) run->drop_agent();
}

std::shared_ptr<ContainerAgent::Run> ContainerAgent::current_run() const {
    if (!run_) throw NotRunning(fmt::format("{} is not running: start it first", context_->name()));
    return run_;
}

void ContainerAgent::expect_running() const {
    current_run();
}

command::Command ContainerAgent::script(command::Command command) const {
    command.prefix =
        "set -eo pipefail; export USER=root HOME=/root DISPLAY=:0.0; source /etc/profile; set -u; ";
    command.kind = command::Command::Kind::posix_script;
    return command;
}

std::shared_ptr<AgentLink> ContainerAgent::usable() const {
    return run_ && run_->link && run_->link->usable() ? run_->link : nullptr;
}

std::shared_ptr<AgentLink> ContainerAgent::expected() const {
    return run_ && !run_->over() ? run_->link : nullptr;
}

asio::awaitable<std::shared_ptr<AgentLink>> ContainerAgent::ready(io::Deadline deadline) {
    auto run = current_run();
    if (auto link = usable()) co_return link;
    if (run->over()) co_return nullptr;
    auto begin = [self = shared_from_this(), run] { return start(self, run); };
    auto started = run->starting.run(begin);
    co_return co_await deadline.limit(std::move(started), "the agent did not start");
}

asio::awaitable<std::shared_ptr<AgentLink>> ContainerAgent::start(
    std::shared_ptr<ContainerAgent> self, std::shared_ptr<Run> run) {
    auto deadline = self->context_->time().deadline_after(start_limit);
    // Ends an agent that was lost, or whose start was cancelled.
    run->drop_agent();
    std::string why;
    try {
        auto loaded = load_program(self->context_->share_host());
        auto program =
            co_await deadline.limit(std::move(loaded), "the agent's program was not read");
        co_await self->launch(run, std::move(program));
        co_await run->link->channel().greeted(deadline);
        // leave() may have been called meanwhile.
        if (run == self->run_) co_return run->link;
        why = "the container was shut down";
    } catch (const io::Error& error) {
        why = error.what();
    }
    run->drop_agent();
    if (run->over()) co_return nullptr;
    throw io::Error(fmt::format("the agent cannot be started in the container: {}", why));
}

/// Sets the link, which then expects the agent's hello. The agent detaches itself and becomes a
/// child of the container's first process. As a child of nsenter it would delay the end of the
/// container: nsenter stops itself when its child is stopped, and does not reap it. It finishes its
/// commands after SIGTERM, which a shutdown sends to all processes.
asio::awaitable<void> ContainerAgent::launch(std::shared_ptr<Run> run, std::string program) {
    auto& time = context_->time();
    auto [ours, theirs] = process::make_socket_pair(SOCK_STREAM);
    auto file = memory_file(program);
    auto nonce = channel::random_nonce();
    process::ProcessSpec spec;
    spec.arguments = {run->entry.nsenter,
                      "--target",
                      fmt::to_string(run->entry.leader),
                      "--mount",
                      "--uts",
                      "--ipc",
                      "--net",
                      "--pid",
                      "--cgroup",
                      fmt::format("/proc/self/fd/{}", process::guard::passed_fd),
                      "0",
                      fmt::format("{:x}", nonce),
                      "detach",
                      "finish"};
    spec.input = theirs.get();
    spec.passed = file.get();
    // Without an environment: commands get theirs from the prefix of script() only.
    auto child = co_await process::Child::spawn(std::move(spec), nullptr, time);
    run->child = child;
    io::UnixStream stream(context_->executor());
    stream.assign(asio::local::stream_protocol(), ours.release());
    channel::Settings settings;
    settings.late_errors = [console = context_->console()](std::string line) {
        console->add_line(std::move(line));
    };
    auto limit = run->entry.holder_limit;
    auto warn = [context = std::weak_ptr(context_)](std::string text) {
        if (auto held = context.lock()) held->warn(std::move(text));
    };
    settings.held_output = [warn, limit](const channel::HeldOutput& held) {
        warn(describe(held, limit));
    };
    settings.holder_limit = limit;
    auto reason = [child, &time] { return final_state(child, time); };
    auto channel = channel::Channel::open(std::move(stream), reason, std::move(settings), time);
    channel->expect(nonce);
    run->link = std::make_shared<AgentLink>(std::move(channel), warn, context_->executor(), time);
}

asio::awaitable<bool> ContainerAgent::ended_with_container() {
    auto run = run_;
    auto& time = context_->time();
    auto end = time.deadline_after(end_limit);
    while (run && !run->over() && run == run_) {
        if (end.passed(time.now())) co_return false;
        co_await time.sleep_for(check_interval);
    }
    co_return true;
}

}  // namespace charioteer::machine
