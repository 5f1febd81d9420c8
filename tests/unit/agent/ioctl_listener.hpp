#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

#include "io/unique_fd.hpp"

namespace charioteer::agent {

/// A system call `ioctl` of a program.
struct Ioctl {
    std::string file;  ///< the path of the file that it concerns
    unsigned long request = 0;
    std::string argument;  ///< the bytes at the address in its third argument
};

/// Answers the ioctls of a child process in place of the kernel, which does not execute them.
class IoctlListener {
public:
    /// Throws std::system_error.
    IoctlListener();

    /// To be called in the child: every later ioctl waits for next(). False if that is impossible.
    bool catch_ioctls() const;
    /// To be called in the parent: waits for the next ioctl, lets it succeed, and returns it with
    /// `size` bytes of its argument. Throws std::runtime_error if the child makes none.
    Ioctl next(std::size_t size);

private:
    void receive_listener();

    io::UniqueFd child_end_;
    io::UniqueFd parent_end_;
    io::UniqueFd listener_;
};

}  // namespace charioteer::agent
