#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>
#include <string>

#include "unit/agent/running_agent.hpp"

namespace charioteer::agent {
namespace {

using frames::Exec;
using frames::Type;
using testing::HasSubstr;
namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
    std::ifstream file(path);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

/// The same for a process of the test itself, to compare with.
std::string run_here(const std::string& command) {
    auto* pipe = ::popen(command.c_str(), "r");
    std::string text;
    for (int letter = 0; (letter = std::fgetc(pipe)) != EOF;)
        text.push_back(static_cast<char>(letter));
    ::pclose(pipe);
    return text;
}

/// Whether a process here is allowed to.
bool may(const std::function<bool()>& claim) {
    auto child = ::fork();
    if (child == 0) ::_exit(claim() ? 0 : 1);
    int status = 0;
    ::waitpid(child, &status, 0);
    return status == 0;
}

/// Imitates a guest whose limit of processes is reached.
void refuse_clone() {
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAGAIN),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog program{.len = std::size(filter), .filter = filter};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

class AgentInGuest : public testing::Test {
protected:
    AgentInGuest() { agent_.greet(); }
    fs::path proc() const { return fs::path("/proc") / std::to_string(agent_.pid()); }
    auto open_files() const {
        return std::distance(fs::directory_iterator(proc() / "fd"), fs::directory_iterator());
    }
    /// The processor time in ticks and the number of context switches, from /proc.
    std::string efforts() const {
        std::istringstream status(read_file(proc() / "stat"));
        std::string word;
        std::string found;
        for (int field = 1; status >> word && field <= 15; ++field)
            if (field >= 14) found += word + " ";
        auto more = read_file(proc() / "status");
        return found + more.substr(more.find("voluntary_ctxt_switches"));
    }
    /// "R" while it runs, "S" while it sleeps, "Z" when it has ended.
    static std::string state_of(pid_t process) {
        std::ifstream status("/proc/" + std::to_string(process) + "/stat");
        std::string word;
        for (int field = 1; field <= 3; ++field) status >> word;
        return word;
    }
    /// The agent answers before it waits for the next event. Linux shows the system call of a
    /// process once it has left its processor, and then its step to sleep has been counted.
    void wait_until_asleep() {
        agent_.synchronise();
        agent_.wait_until([&] {
            return state_of(agent_.pid()) == "S" && read_file(proc() / "syscall") != "running";
        });
    }
    long resident_pages() const {
        std::istringstream file(read_file(proc() / "statm"));
        long pages = 0;
        file >> pages >> pages;
        return pages;
    }
    void run_and_close(std::uint32_t stream, std::string_view text, ExecOptions options = {}) {
        agent_.run(stream, text, options);
        agent_.wait_until([&] { return agent_.of(stream).closed || agent_.of(stream).refused; });
    }

    RunningAgent agent_;
};

TEST_F(AgentInGuest, RunsWithAHigherPriorityThanItsCommands) {
    if (!may([] { return ::setpriority(PRIO_PROCESS, 0, -10) == 0; })) GTEST_SKIP();
    EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(agent_.pid())), -10);
}

TEST_F(AgentInGuest, CommandsInheritTheResourceLimitsOfTheAgent) {
    std::uint32_t stream = 0;
    for (const auto* command :
         {"nice", "cat /proc/self/oom_score_adj", "ulimit -n", "ulimit -a", "umask"})
        EXPECT_EQ(agent_.run(++stream, command).output,
                  run_here(std::string("bash -c '") + command + "'"))
            << command;
}

TEST_F(AgentInGuest, CommandsLeadAProcessGroupAndOnATerminalASession) {
    auto ids =
        "read -r _ _ _ _ group session _ </proc/$$/stat; echo $((group == $$)) $((session == $$))";
    EXPECT_EQ(agent_.run(1, ids).output, "1 0\n");
    EXPECT_EQ(agent_.run(2, ids, {.flags = Exec::on_terminal}).output, "1 1\r\n");
}

TEST_F(AgentInGuest, ATerminalThatACommandOpensIsNotHungUpWhenItEnds) {
    io::UniqueFd other_end(::posix_openpt(O_RDWR | O_NOCTTY));
    ASSERT_TRUE(other_end && ::unlockpt(other_end.get()) == 0);
    std::string path = ::ptsname(other_end.get());
    io::UniqueFd terminal(::open(path.c_str(), O_RDWR | O_NOCTTY));
    agent_.run(1, "exec 3<>" + path + "; exit 7");
    EXPECT_EQ(agent_.of(1).status(), 7U);
    EXPECT_EQ(::write(terminal.get(), "x", 1), 1) << strerror(errno);
}

TEST_F(AgentInGuest, CommandsHaveOnlyTheStandardStreamsOpen) {
    EXPECT_EQ(agent_.run(1, "ls /proc/$$/fd; true").output, "0\n1\n2\n");
    EXPECT_EQ(agent_.run(2, "ls /proc/$$/fd; true", {.flags = Exec::on_terminal}).output,
              "0  1  2\r\n");
}

TEST(AgentWithInheritedState, CommandsHaveOnlyTheStandardStreamsOpenWhateverTheAgentInherited) {
    AgentOptions closed{.prepare = [] {
        for (int fd : {0, 1, 2}) ::close(fd);
    }};
    AgentOptions open{.prepare = [] { ::dup2(::open("/dev/null", O_RDONLY), 77); }};
    for (auto& options : {closed, open}) {
        RunningAgent agent(options);
        agent.greet();
        EXPECT_EQ(agent.run(1, "ls /proc/$$/fd; echo err >&2").output, "0\n1\n2\n");
        EXPECT_EQ(agent.of(1).errors, "err\n");
        EXPECT_EQ(agent.of(1).exit->held, 0U);
    }
}

TEST(AgentWithInheritedState, CommandsReceiveSignalsThatTheAgentInheritedAsIgnored) {
    AgentOptions deaf{.prepare = [] {
        for (int number : {SIGHUP, SIGINT, SIGTERM, SIGPIPE}) ::signal(number, SIG_IGN);
        sigset_t all;
        ::sigfillset(&all);
        ::sigprocmask(SIG_BLOCK, &all, nullptr);
    }};
    RunningAgent agent(deaf);
    agent.greet();
    auto script = "exec sed -n 's/^Sig[BI][lg][kn]:\\t//p' /proc/self/status";
    std::istringstream masks(agent.run(1, script).output);
    int count = 0;
    // Only signals up to 31: an emulator's C library reserves some of the others.
    for (std::uint64_t mask = 0; masks >> std::hex >> mask; ++count)
        EXPECT_EQ(mask & 0x7fffffff, 0U) << count;
    EXPECT_EQ(count, 2);
}

TEST_F(AgentInGuest, AThousandCommandsLeaveNothingBehind) {
    std::uint32_t count = is_emulated() ? 100 : 1000;
    run_and_close(1, "cat", {.flags = Exec::on_terminal, .limit = 1});
    auto files = open_files();
    auto pages = resident_pages();
    for (std::uint32_t stream = 2; stream < count + 2; ++stream) {
        agent_.exec(stream, "cat; echo $RANDOM >&2", {.flags = Exec::with_input, .limit = 60'000});
        agent_.send_text(Type::input, stream, std::string(1000, 'x'));
        agent_.send(Type::input_end, stream);
        if (stream % 50 == 0) agent_.wait_for_closed(stream);
    }
    for (std::uint32_t stream = 2; stream < count + 2; ++stream) agent_.wait_for_closed(stream);
    EXPECT_EQ(open_files(), files);
    EXPECT_EQ(read_file(proc() / "task" / std::to_string(agent_.pid()) / "children"), "");
    // The memory of a command is freed: otherwise at least a thousand pages would be in use.
    EXPECT_LT(resident_pages(), pages + (is_emulated() ? 2000 : 200));
}

TEST_F(AgentInGuest, WithoutFreeDescriptorsACommandIsRejectedAndALaterOneIsNot) {
    if (is_emulated()) GTEST_SKIP() << "the emulator needs files too";
    agent_.synchronise();
    auto files = open_files();
    constexpr rlim_t streams_of_its_own = 3;
    rlimit before{};
    ASSERT_EQ(::prlimit(agent_.pid(), RLIMIT_NOFILE, nullptr, &before), 0);
    for (rlim_t more = 0; more < 8; ++more) {
        rlimit few{.rlim_cur = streams_of_its_own + more, .rlim_max = before.rlim_max};
        auto stream = static_cast<std::uint32_t>(more) + 1;
        ASSERT_EQ(::prlimit(agent_.pid(), RLIMIT_NOFILE, &few, nullptr), 0);
        run_and_close(stream, "true", {.flags = more % 2 ? 0U : Exec::on_terminal});
        auto reason = agent_.of(stream).refused.value_or("EMFILE");
        EXPECT_THAT(reason, HasSubstr("EMFILE"));
        EXPECT_EQ(open_files(), files) << more;
    }
    EXPECT_TRUE(agent_.of(1).refused);
    ASSERT_EQ(::prlimit(agent_.pid(), RLIMIT_NOFILE, &before, nullptr), 0);
    EXPECT_EQ(agent_.run(100, "true").status(), 0U);
}

TEST(AgentInFullGuest, WithoutFreeProcessesACommandIsRejected) {
    if (is_emulated()) GTEST_SKIP() << "the emulator does not start under the filter";
    RunningAgent agent({.prepare = refuse_clone});
    agent.greet();
    auto files = fs::path("/proc") / std::to_string(agent.pid()) / "fd";
    auto count = [&] { return std::distance(fs::directory_iterator(files), {}); };
    agent.synchronise();
    auto before = count();
    for (std::uint32_t stream = 1; stream <= 20; ++stream) {
        agent.run(stream, "true", {.flags = stream % 2 ? Exec::on_terminal : Exec::with_input});
        ASSERT_TRUE(agent.of(stream).refused);
        EXPECT_EQ(*agent.of(stream).refused, "cannot create a process, pipe or terminal: EAGAIN");
    }
    EXPECT_EQ(count(), before);
    agent.synchronise();
}

TEST_F(AgentInGuest, UsesNoProcessorTimeWhileIdle) {
    agent_.exec(1, "cat", {.flags = Exec::with_input});
    agent_.exec(2, "cat", {.flags = Exec::on_terminal, .limit = 3'600'000});
    agent_.run(3, "sleep 1000 >&2 &");
    agent_.exec(4, "sleep 1000 & echo $!", {.holder_report = 1, .holder_limit = 3'600'000});
    agent_.wait_until([&] { return agent_.of(4).held.has_value(); });
    // Another agent's commands are the time that passes.
    RunningAgent other;
    other.greet();
    wait_until_asleep();
    auto before = efforts();
    for (std::uint32_t stream = 1; stream < 100; ++stream) other.run(stream, "true");
    EXPECT_EQ(efforts(), before);
}

TEST_F(AgentInGuest, WaitingForCreditUsesNoProcessorTime) {
    agent_.refill = false;
    agent_.exec(1, "echo hello; sleep 1000 >&2 & exit 3", {.credit = 2});
    agent_.exec(2, "echo hello", {.credit = 2});
    agent_.wait_until([&] { return agent_.of(1).output == "he" && agent_.of(2).output == "he"; });
    RunningAgent other;
    other.greet();
    for (std::uint32_t stream : {1U, 2U}) {
        auto shell = static_cast<pid_t>(*agent_.of(stream).process);
        agent_.wait_until([&] { return state_of(shell) == "Z"; });
    }
    wait_until_asleep();
    auto before = efforts();
    for (std::uint32_t stream = 1; stream < 100; ++stream) other.run(stream, "true");
    EXPECT_EQ(efforts(), before);
    agent_.send(Type::credit, 1, frames::Credit{.bytes = 100});
    agent_.send(Type::credit, 2, frames::Credit{.bytes = 100});
    agent_.wait_for_exit(1);
    agent_.wait_for_exit(2);
    EXPECT_EQ(agent_.of(1).output + agent_.of(2).output, "hello\nhello\n");
}

}  // namespace
}  // namespace charioteer::agent
