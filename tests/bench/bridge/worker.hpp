#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "io/unique_fd.hpp"

namespace bench {

/// A child process with pipes as its standard input and output. Killed by the destructor, and when
/// this process ends.
class Worker {
public:
    /// Throws std::runtime_error.
    explicit Worker(const std::vector<std::string>& arguments);
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    ~Worker();

    /// The next line it prints. Throws std::runtime_error when it ends or takes more than 10 s.
    std::string line();

private:
    std::string name_;
    pid_t pid_ = -1;
    charioteer::io::UniqueFd input_;
    charioteer::io::UniqueFd output_;
};

}  // namespace bench
