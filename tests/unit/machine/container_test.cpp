// Commands in a container, by the agent, which nsenter starts there. The container of the tests has
// its own mount and process namespaces, and its first process only waits.

#include "machine/container.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>
#include <functional>
#include <mutex>

#include "fakes/paths.hpp"
#include "fakes/temporary_directory.hpp"
#include "io/runtime.hpp"
#include "machine/guest_process.hpp"

namespace charioteer::machine {
namespace {

using namespace std::chrono_literals;
using testing::Contains;

constexpr auto nsenter = "/usr/bin/nsenter";
/// The first process of a container in which /bin/sh is bash.
constexpr auto init =
    "mount -t proc proc /proc && mount --bind /bin/bash /bin/sh && echo ready && exec sleep "
    "infinity";

class ContainerTest : public testing::Test {
protected:
    void SetUp() override {
        std::array<int, 2> output{};
        ASSERT_EQ(::pipe2(output.data(), O_CLOEXEC), 0);
        unshare_ = ::fork();
        if (unshare_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::dup2(output[1], STDOUT_FILENO);
            ::execlp("unshare", "unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c",
                     init, nullptr);
            ::_exit(127);
        }
        ::close(output[1]);
        std::string word(6, '\0');
        bool ready = ::read(output[0], word.data(), word.size()) == 6 && word == "ready\n";
        ::close(output[0]);
        if (!ready || ::access(nsenter, X_OK) != 0)
            GTEST_SKIP() << "no namespaces can be made here, or there is no nsenter";
        auto children = fmt::format("/proc/{0}/task/{0}/children", unshare_);
        std::ifstream(children) >> leader_;
        ::setenv("CHARIOTEER_AGENT_DIRECTORY", fakes::agent_directory, 1);
        host_ = std::make_shared<Host>(runtime_.executor(), runtime_.time());
        auto sink = [this](const io::Event& event) {
            std::lock_guard lock(mutex_);
            events_.push_back(event.text);
        };
        container_ = run_on_io([&] { return std::make_shared<Container>("box", host_, sink); });
    }
    void TearDown() override {
        ::unsetenv("CHARIOTEER_AGENT_DIRECTORY");
        if (container_) run_on_io([&] { container_.reset(); });
        ::kill(unshare_, SIGKILL);
        ::waitpid(unshare_, nullptr, 0);
    }

    void enter(std::string program = nsenter) {
        run_on_io([&] { container_->enter({leader_, std::move(program), 300s}); });
    }
    template <class T>
    T run(asio::awaitable<T> operation) {
        return runtime_.start(std::move(operation)).get();
    }
    template <class Action>
    std::invoke_result_t<Action> run_on_io(Action action) {
        auto operation = [](Action body) -> asio::awaitable<std::invoke_result_t<Action>> {
            co_return body();
        };
        return run(operation(std::move(action)));
    }
    command::Outcome execute(std::string text, std::optional<Limit> limit = std::nullopt) {
        command::Command command;
        command.text = std::move(text);
        command.limit = std::move(limit);
        command.all_errors = true;
        return run(container_->parts().runner->run(std::move(command)));
    }
    std::string failing_nsenter() {
        auto program = directory_.path() / "nsenter";
        std::ofstream(program) << "#!/bin/sh\necho 'nsenter: no such thing' >&2; exit 1\n";
        std::filesystem::permissions(program, std::filesystem::perms::owner_all);
        return program;
    }
    std::vector<std::string> events() {
        std::lock_guard lock(mutex_);
        return events_;
    }

    fakes::TemporaryDirectory directory_;
    io::Runtime runtime_;
    std::shared_ptr<Host> host_;
    std::shared_ptr<Container> container_;
    pid_t unshare_ = 0;
    pid_t leader_ = 0;  ///< its child
    std::mutex mutex_;
    std::vector<std::string> events_;
};

TEST_F(ContainerTest, CommandsRunInShWithOnlyUpstreamsEnvironment) {
    enter();
    auto outcome = execute("echo $0 $USER $HOME $DISPLAY; cat; echo oh >&2; exit 3");
    EXPECT_EQ(outcome.output, "/bin/sh root /root :0.0\n");
    EXPECT_EQ(outcome.errors, "oh\n");
    EXPECT_EQ(outcome.status, 3);
    EXPECT_THAT(events(), Contains("oh"));
    EXPECT_EQ(execute("false | true").status, 1);
    EXPECT_NE(execute("echo $not_set").status, 0);
    EXPECT_EQ(execute("env | grep -c ^CHARIOTEER_ || :").output, "0\n");
}

TEST_F(ContainerTest, ALimitCountsUntilTheOutputIsClosed) {
    enter();
    command::Outcome outcome;
    // On a busy host the command may not have begun at the end of the first limit.
    for (auto limit = 500ms; outcome.errors.empty() && limit < 60s; limit *= 4) {
        auto text = fmt::format("{:g}", io::seconds(limit));
        outcome = execute("sleep 1000 & echo begun; echo oh >&2", Limit{limit, text});
    }
    EXPECT_TRUE(outcome.timed_out);
    EXPECT_EQ(outcome.status, command::cut_off_status);
    EXPECT_EQ(outcome.output, "begun\n");
    EXPECT_EQ(outcome.errors, "oh\n");
}

TEST_F(ContainerTest, TheEndOfTheContainerEndsItsCommands) {
    enter();
    auto kill_it = [leader = leader_](const io::Event& event) {
        if (event.text == "begun") ::kill(leader, SIGKILL);
    };
    container_ = run_on_io([&] { return std::make_shared<Container>("box", host_, kill_it); });
    enter();
    auto outcome = execute("echo begun | tee /dev/stderr; sleep 1000");
    EXPECT_EQ(outcome.signal, SIGKILL);
    EXPECT_EQ(outcome.status, 128 + SIGKILL);
    EXPECT_EQ(outcome.output, "begun\n");
    // The status of nsenter when there is no such process.
    EXPECT_EQ(execute("true").status, 1);
}

TEST_F(ContainerTest, SignalsToAllProcessesEndCommandsAsIfTheyRanAlone) {
    enter();
    // As at the beginning of a shutdown. The first process does not end by it.
    auto ended = execute("echo begun; sh -c 'kill -TERM -1'; sleep 1000");
    EXPECT_EQ(ended.signal, SIGTERM);
    EXPECT_EQ(ended.output, "begun\n");
    auto trapped =
        execute("trap 'echo got; exit 7' TERM; sh -c 'kill -TERM -1'; sleep 1000 & wait");
    EXPECT_EQ(trapped.status, 7);
    EXPECT_EQ(trapped.output, "got\n");
    EXPECT_EQ(execute("echo well").output, "well\n");
}

TEST_F(ContainerTest, TheAgentIsAChildOfTheFirstProcess) {
    enter();
    // A child of nsenter would not be reaped at a shutdown, when nsenter stops itself.
    EXPECT_EQ(execute("cut -d' ' -f4 /proc/$PPID/stat").output, "1\n");
}

TEST_F(ContainerTest, AnAgentThatCannotBeStartedIsAnErrorWithTheReason) {
    enter(failing_nsenter());
    try {
        execute("true");
        FAIL() << "nothing was thrown";
    } catch (const ShellError& error) {
        EXPECT_STREQ(error.what(),
                     "box: the agent cannot be started in the container: nsenter ended with status "
                     "1: nsenter: no such thing");
    }
    enter();
    EXPECT_EQ(execute("echo well").output, "well\n");
}

TEST_F(ContainerTest, AnErrorHasTheLimitThatTheDriverEnforces) {
    enter(failing_nsenter());
    try {
        execute("true", Limit{5s, "5"});
        FAIL() << "nothing was thrown";
    } catch (const ShellError& error) {
        EXPECT_THAT(error.notes(),
                    Contains(testing::StartsWith("while running `true` (limit 5 s), for ")));
    }
}

TEST_F(ContainerTest, CommandsInAContainerThatIsOffAreErrors) {
    EXPECT_THROW(execute("true"), ShellError);
    enter();
    EXPECT_EQ(execute("true").status, 0);
    run_on_io([&] { container_->leave(); });
    EXPECT_THROW(execute("true"), ShellError);
}

TEST_F(ContainerTest, BackgroundCommandsAreScriptsOfTheSameKind) {
    enter();
    command::Command background;
    background.text = "echo $0 $USER";
    const auto& parts = container_->parts();
    auto process = run(GuestProcess::begin(parts.context, parts.agent, std::move(background)));
    auto piece = run(process->next(io::Deadline::never()));
    ASSERT_TRUE(piece.has_value());
    EXPECT_EQ(piece->bytes, "/bin/sh root\n");
    run_on_io([&] { process.reset(); });
}

TEST_F(ContainerTest, ErrorsNameTheCommandAsTheScriptHasIt) {
    enter();
    command::Command background;
    background.text = "sleep 1000";
    const auto& parts = container_->parts();
    auto process = run(GuestProcess::begin(parts.context, parts.agent, std::move(background)));
    EXPECT_GT(run(process->pid()), 0U);
    ::kill(leader_, SIGKILL);
    try {
        run(process->next(io::Deadline::never()));
        FAIL() << "nothing was thrown";
    } catch (const ShellError& error) {
        EXPECT_THAT(error.notes(), Contains(testing::StartsWith("while running `sleep 1000`")));
    }
    run_on_io([&] { process.reset(); });
}

TEST_F(ContainerTest, NothingRunsInOneThatIsAboutToEnd) {
    enter();
    // A process from outside, which its stopped parent does not reap, delays the end of the first
    // process.
    auto parent = ::fork();
    if (parent == 0) {
        auto target = std::to_string(leader_);
        ::execl(nsenter, nsenter, "--target", target.c_str(), "--pid", "sleep", "1000", nullptr);
        ::_exit(127);
    }
    auto wait_until = [](const std::function<bool()>& fulfilled) {
        for (int tries = 0; tries < 3000 && !fulfilled(); ++tries) ::usleep(10'000);
        return fulfilled();
    };
    std::string child;
    auto children = fmt::format("/proc/{0}/task/{0}/children", parent);
    EXPECT_TRUE(wait_until([&] { return bool(std::ifstream(children) >> child); }));
    ::kill(parent, SIGSTOP);
    ::kill(leader_, SIGKILL);
    auto namespaces = fmt::format("/proc/{}/ns/mnt", leader_);
    EXPECT_TRUE(wait_until([&] { return ::access(namespaces.c_str(), F_OK) != 0; }));
    EXPECT_EQ(execute("true").status, 1);
    auto copy = container_->parts().copier->copy_out("/etc", directory_.path() / "etc");
    EXPECT_THROW(run(std::move(copy)), CopyFailed);
    ::kill(parent, SIGKILL);
    ::waitpid(parent, nullptr, 0);
}

TEST_F(ContainerTest, CopiesGoThroughTheAgent) {
    enter();
    auto tree = directory_.path() / "tree";
    std::filesystem::create_directory(tree);
    std::ofstream(tree / "data") << "hello";
    auto inside = (directory_.path() / "inside").string();
    run(container_->parts().copier->copy_in(tree, inside));
    EXPECT_EQ(execute(fmt::format("cat {}/data", inside)).output, "hello");
    auto back = directory_.path() / "back";
    run(container_->parts().copier->copy_out(inside, back));
    EXPECT_TRUE(std::filesystem::exists(back / "data"));
}

}  // namespace
}  // namespace charioteer::machine
