#pragma once

#include <string>

#include "io/unique_fd.hpp"

namespace charioteer::python {

/// A pipe that can take the place of standard error, and of standard output if that is the same
/// terminal, for this process and the programs that it starts. It stays open between two
/// redirections, since programs may still write to it. redirect() must not be called concurrently.
class OutputCapture {
public:
    /// Throws std::system_error.
    explicit OutputCapture(bool with_output);
    /// Restores the standard streams.
    ~OutputCapture();
    OutputCapture(const OutputCapture&) = delete;
    OutputCapture& operator=(const OutputCapture&) = delete;

    /// Makes the standard streams the pipe, or else the terminal again. Throws std::system_error.
    void redirect(bool on);
    /// In a forked child: the standard streams stay what they are.
    void leave() noexcept { redirected_ = false; }
    /// The descriptor of the terminal.
    int terminal() const noexcept { return terminal_.get(); }
    bool has_output() const noexcept { return with_output_; }
    /// What the pipe contains now.
    std::string read() const;
    /// Returns true when the pipe contains something, false after stop_waiting().
    bool wait() const;
    void stop_waiting() const;

private:
    bool with_output_;
    bool redirected_ = false;
    io::UniqueFd terminal_;
    io::UniqueFd reading_;
    io::UniqueFd writing_;
    io::UniqueFd stop_;
};

}  // namespace charioteer::python
