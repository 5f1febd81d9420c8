#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "command/command.hpp"

namespace charioteer::shell {

/// What the guest sends once its root shell accepts commands (driver contract, section 4.2).
constexpr std::string_view greeting = "Spawning backdoor root shell...";

/// Defines the functions that command lines call; sent to each new root shell once, before its
/// first command line.
extern const std::string_view preparation;

/// Throws io::UsageError for a command that cannot be run: one with a NUL byte, or longer than
/// Linux lets a program take as an argument, 128 KiB.
void check_command_text(std::string_view text);

/// The line that makes a prepared shell run `command`, a strict script, and send an answer in the
/// format of docs/shell-protocol.md. After the end of the command's shell, the answer waits for
/// processes that hold the output until they have written nothing for `holder_limit`; zero is no
/// limit. Throws as check_command_text().
std::string command_line(const command::Command& command, std::uint64_t number,
                         std::chrono::seconds holder_limit);

/// The line that makes any POSIX shell, prepared or not, run `script` and send an answer in the
/// same format: `script` must print one word of letters, digits and dashes.
std::string bare_line(std::string_view script, std::uint64_t number);

/// The most bytes that append_lines() accepts.
constexpr std::size_t longest_append = 384 * 1024;

/// Two lines: one that makes a bash, prepared or not, append `bytes` to a file and send an answer
/// in the same format, and one that contains the bytes, in base64. `file` is a word of the shell.
/// Programs read the second line in large pieces, since the shell would read it byte by byte. If
/// they cannot be started, the shell reads the line and takes it for a comment.
std::string append_lines(std::string_view bytes, std::string_view file, std::uint64_t number);

/// The result of one command.
struct Answer {
    std::uint64_t number = 0;  ///< of the command
    int status = 0;
    std::string output;
    std::string damage;  ///< why the output is unusable; empty if it is complete
};

/// Processes that have the output of a command open after its shell has ended.
struct Holders {
    std::uint64_t number = 0;  ///< of the command
    bool given_up = false;     ///< the answer does not wait for them any longer
    std::string names;         ///< "name (pid n)", separated by ", "
};

/// Parses the answers to command lines from what the guest sends, in pieces of any size. No I/O.
class AnswerReader {
public:
    void feed(std::string_view bytes);
    /// The next complete answer, if there is one. Skips what is not part of an answer; after a
    /// greeting, which means that the guest's shell was restarted, greeted() returns true.
    std::optional<Answer> next();
    /// The next report on holders that next() has read, if there is one.
    std::optional<Holders> next_holders();
    /// Whether a greeting was received since the last call.
    bool greeted() noexcept;
    /// Bytes of an incomplete line.
    std::size_t kept() const noexcept { return pending_.size() - begin_; }

private:
    /// An answer whose status was not received yet.
    struct PartialAnswer {
        Answer answer;
        bool has_rest = false;
    };

    std::optional<std::string_view> next_line();
    void handle_greeting();
    void drop_noise();
    std::optional<Answer> handle_line(std::string_view line);
    void take_holders(std::uint64_t number, std::string_view value);
    void take_output(std::uint64_t number, char kind, std::string_view value);

    std::string pending_;
    std::size_t begin_ = 0;    ///< first byte that is not part of a line returned
    std::size_t scanned_ = 0;  ///< there is no line end between begin_ and here
    std::optional<PartialAnswer> partial_;
    std::deque<Holders> holders_;
    bool greeted_ = false;
};

}  // namespace charioteer::shell
