#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "io/unique_fd.hpp"
#include "unit/agent/ioctl_listener.hpp"

namespace charioteer::agent {

/// The system calls that fail.
struct Refused {
    bool netlink = false;
    bool files = false;
    bool ioctl = false;
};

struct ProgramOptions {
    std::filesystem::path directory = "/";
    std::vector<std::string> environment = {};
    Refused refused = {};
    /// Catches its ioctls, if not null; outlives the program.
    IoctlListener* ioctls = nullptr;
};

/// A built-in program of the real agent, with pipes for its streams. Killed by the destructor.
class BuiltInProgram {
public:
    /// Returns once it has been executed. Throws std::system_error.
    explicit BuiltInProgram(std::vector<std::string> words, ProgramOptions options = {});
    BuiltInProgram(const BuiltInProgram&) = delete;
    BuiltInProgram& operator=(const BuiltInProgram&) = delete;
    ~BuiltInProgram();

    pid_t pid() const { return pid_; }
    io::UniqueFd& input() { return input_; }
    const io::UniqueFd& output() const { return output_; }

    /// Waits until it has checked its condition `more` times since the call, or once since its
    /// start, and sleeps. False if it has ended instead.
    bool keeps_waiting(long more = 0);
    /// Waits for its end; the exit status, or -1 if it was killed or does not end.
    int status();
    /// Its standard error, after its end.
    std::string errors();
    /// The share of a processor that it uses while `action` runs; 1 is a whole processor.
    double share_of_a_processor(const std::function<void()>& action) const;

private:
    bool ended_within(int milliseconds) const;
    bool sleeps() const;
    long rests() const;

    pid_t pid_ = -1;
    io::UniqueFd end_;  ///< pidfd
    io::UniqueFd input_;
    io::UniqueFd output_;
    io::UniqueFd errors_;
    bool reaped_ = false;
};

}  // namespace charioteer::agent
