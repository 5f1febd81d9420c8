#include "io/fork.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

#include "io/unique_fd.hpp"

namespace charioteer::io {
namespace {

class Observer final : ForkObserver {
public:
    Observer() { observe_forks(); }
    ~Observer() { ignore_forks(); }
    void before_fork() noexcept override { seen += "before "; }
    void after_fork_in_parent() noexcept override { seen += "parent"; }
    void after_fork_in_child() noexcept override { seen += "child"; }

    std::string seen;
};

/// Runs `work` in a forked child; its result, which is the exit status.
template <class Work>
int in_child(Work work) {
    pid_t child = ::fork();
    if (child == 0) ::_exit(work());
    int status = 0;
    ::waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}

TEST(Fork, IsObservedOnBothSides) {
    Observer observer;
    EXPECT_EQ(in_child([&] { return observer.seen == "before child" ? 1 : 2; }), 1);
    EXPECT_EQ(observer.seen, "before parent");
}

TEST(DriverOnlyDescriptor, ClosesWithTheDriverEvenIfAChildRuns) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    UniqueFd ours(ends[0]);
    UniqueFd theirs(ends[1]);
    std::array<int, 2> wait{};
    ASSERT_EQ(::pipe(wait.data()), 0);
    pid_t child = 0;
    {
        DriverOnly lifeline(ours.get());
        child = ::fork();
        if (child == 0) {
            ::close(wait[1]);
            char ignored = 0;
            ::_exit(::read(wait[0], &ignored, 1) == 0 ? 0 : 1);
        }
    }
    ours.reset();
    char ignored = 0;
    EXPECT_EQ(::recv(theirs.get(), &ignored, 1, 0), 0) << "the child holds it open";
    ::close(wait[0]);
    ::close(wait[1]);
    ::waitpid(child, nullptr, 0);
}

TEST(DriverOnlyDescriptor, IsAlsoClosedByAChildOfAChild) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
    UniqueFd ours(ends[0]);
    UniqueFd theirs(ends[1]);
    DriverOnly lifeline(ours.get());
    EXPECT_EQ(in_child([&] { return ::write(ours.get(), "x", 1) == 1 ? 1 : 2; }), 1);
    char ignored = 0;
    EXPECT_EQ(::recv(theirs.get(), &ignored, 1, MSG_DONTWAIT), -1) << "it was written to our peer";
}

}  // namespace
}  // namespace charioteer::io
