#include "worker.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>

namespace bench {

Worker::Worker(const std::vector<std::string>& arguments) : name_(arguments.front()) {
    int to_child[2];
    int from_child[2];
    if (::pipe2(to_child, O_CLOEXEC) != 0 || ::pipe2(from_child, O_CLOEXEC) != 0)
        throw std::runtime_error("making a pipe failed");
    std::vector<char*> argv;
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
        // Only calls that are safe after a fork of a process with threads.
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::dup2(to_child[0], 0);
        ::dup2(from_child[1], 1);
        ::execvp(argv[0], argv.data());
        ::_exit(127);
    }
    input_ = charioteer::io::UniqueFd(to_child[1]);
    output_ = charioteer::io::UniqueFd(from_child[0]);
    ::close(to_child[0]);
    ::close(from_child[1]);
    if (pid_ < 0) throw std::runtime_error("starting " + name_ + " failed");
}

Worker::~Worker() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
}

std::string Worker::line() {
    std::string text;
    for (;;) {
        pollfd wait{output_.get(), POLLIN, 0};
        char byte;
        if (::poll(&wait, 1, 10'000) != 1 || ::read(output_.get(), &byte, 1) != 1)
            throw std::runtime_error(name_ + " gave no result");
        if (byte == '\n') return text;
        text += byte;
    }
}

}  // namespace bench
