#include "process/child.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <string>

#include "io/error.hpp"
#include "io/runtime.hpp"

namespace charioteer::process {
namespace {

using namespace std::chrono_literals;

class ChildTest : public testing::Test {
protected:
    std::shared_ptr<Child> start(std::vector<std::string> arguments) {
        ProcessSpec spec;
        spec.arguments = std::move(arguments);
        spec.environment = own_environment();
        auto sink = [this](std::string_view bytes) {
            std::lock_guard lock(mutex_);
            output_ += bytes;
            output_changed_.notify_all();
        };
        return runtime_.start(Child::spawn(std::move(spec), sink, runtime_.time())).get();
    }
    std::shared_ptr<Child> shell(std::string script) {
        return start({"sh", "-c", std::move(script)});
    }
    ExitStatus wait(const std::shared_ptr<Child>& child, io::Duration limit = 60s) {
        return runtime_.start(child->wait(runtime_.time().deadline_after(limit))).get();
    }
    void wait_for_output(std::string_view text) {
        std::unique_lock lock(mutex_);
        ASSERT_TRUE(output_changed_.wait_for(lock, 60s, [&] { return output_ == text; }))
            << output_;
    }
    /// Runs `action` on the io thread.
    template <class Action>
    void on_io_thread(Action action) {
        auto run = [](Action act) -> asio::awaitable<void> {
            act();
            co_return;
        };
        runtime_.start(run(std::move(action))).get();
    }

    std::mutex mutex_;
    std::condition_variable output_changed_;
    std::string output_;
    io::Runtime runtime_;
};

TEST_F(ChildTest, EndsWithItsStatusAndAllItsOutput) {
    auto status = wait(shell("echo out; echo err >&2; exit 42"));
    EXPECT_EQ(status.returncode(), 42);
    EXPECT_EQ(status.describe(), "ended with status 42");
    EXPECT_EQ(output_, "out\nerr\n");
}

TEST_F(ChildTest, ReportsTheSignalThatEndedIt) {
    auto status = wait(shell("kill -9 $$"));
    EXPECT_EQ(status.returncode(), -9);
    EXPECT_EQ(status.describe(), "was ended by signal 9 (Killed)");
}

TEST_F(ChildTest, ReportsWhyItCannotBeExecuted) {
    try {
        start({"/nowhere/qemu"});
        FAIL() << "it ran";
    } catch (const io::Error& error) {
        EXPECT_STREQ(error.what(), "cannot run /nowhere/qemu: No such file or directory");
    }
}

TEST_F(ChildTest, HasOnlyTheStandardStreamsOpen) {
    io::UniqueFd lock(::dup(0));
    io::UniqueFd callers(::fcntl(lock.get(), F_DUPFD, 200));
    ProcessSpec spec;
    spec.arguments = {"sh", "-c", "cd /proc/$$/fd; echo *"};
    spec.environment = own_environment();
    spec.keep_open = lock.get();
    auto sink = [this](std::string_view bytes) { output_ += bytes; };
    wait(runtime_.start(Child::spawn(std::move(spec), sink, runtime_.time())).get());
    EXPECT_EQ(output_, "0 1 2 3\n");  // 3 is the folder, while the shell lists it
}

TEST(Environment, ReturnsAVariableOrNothing) {
    std::vector<std::string> environment{"A=1", "AB=2", "B", "C="};
    EXPECT_EQ(find_variable(environment, "AB"), "2");
    EXPECT_EQ(find_variable(environment, "B"), "");
    EXPECT_EQ(find_variable(environment, "C"), "");
    EXPECT_EQ(find_variable(environment, "D"), "");
}

TEST_F(ChildTest, KeepsTheLastOutput) {
    auto child = shell("yes 0123456789abcde | head -c 1000000; echo last words");
    wait(child);
    EXPECT_EQ(output_.size(), 1000000 + 11U);
    EXPECT_EQ(child->last_output().size(), 8192U);
    EXPECT_TRUE(child->last_output().ends_with("last words\n"));
}

TEST_F(ChildTest, ReadsItsStandardInput) {
    auto child = shell("read line; echo \"got $line\"");
    runtime_.start(child->write("hello\n", io::Deadline::never())).get();
    wait(child);
    EXPECT_EQ(output_, "got hello\n");
}

TEST_F(ChildTest, IsWaitedForUntilTheDeadline) {
    auto child = shell("exec sleep 1000");
    EXPECT_THROW(wait(child, 1ms), io::TimeoutError);
    on_io_thread([child] { child->signal(SIGTERM); });
    EXPECT_EQ(wait(child).returncode(), -SIGTERM);
}

TEST_F(ChildTest, IsKilledWhenItIgnoresSigterm) {
    auto child = shell("trap '' TERM; echo ready; while :; do sleep 1; done");
    wait_for_output("ready\n");
    auto status = runtime_.start(child->terminate(1ms)).get();
    EXPECT_EQ(status.returncode(), -SIGKILL);
}

TEST_F(ChildTest, ItsHelpersEndWithIt) {
    auto child = shell("trap '' HUP; setsid sh -c 'trap \"\" TERM; sleep 1000' & echo $!");
    wait(child);
    EXPECT_NE(::kill(static_cast<pid_t>(std::stol(output_)), 0), 0);
}

TEST_F(ChildTest, StartsWithDefaultSignalHandling) {
    auto before = std::signal(SIGPIPE, SIG_IGN);
    auto child = shell("grep SigIgn /proc/self/status | cut -f 2");
    wait(child);
    std::signal(SIGPIPE, before);
    // The first 31 signals; the C library reserves some of the others.
    EXPECT_EQ(std::stoull(output_, nullptr, 16) & 0x7fffffff, 0U) << output_;
}

TEST_F(ChildTest, IsKilledWhenItsGuardIsKilled) {
    auto child = shell("exec sleep 1000");
    std::string stat = "/proc/" + std::to_string(child->pid()) + "/stat";
    FILE* file = std::fopen(stat.c_str(), "r");
    int guard = 0;
    ASSERT_EQ(std::fscanf(file, "%*d (%*[^)]) %*c %d", &guard), 1);
    std::fclose(file);
    ::kill(guard, SIGKILL);
    EXPECT_EQ(wait(child).returncode(), -SIGKILL);
}

}  // namespace
}  // namespace charioteer::process
