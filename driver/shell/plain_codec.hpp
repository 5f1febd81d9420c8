#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "command/command.hpp"

namespace charioteer::shell {

/// What the guest says once its root shell listens (driver contract, section 4.2).
constexpr std::string_view greeting = "Spawning backdoor root shell...";

/// What a root shell has to be told once, before its first command line.
extern const std::string_view preparation;

/// Throws io::UsageError for a command that cannot be run: one with a NUL byte, or longer than
/// Linux lets a program take as an argument, 128 KiB.
void check_command_text(std::string_view text);

/// The line that has a prepared shell run `command`, a strict script, and answer as
/// docs/shell-protocol.md says. Processes that hold the output once the command's shell has ended
/// may be silent for `holder_limit`; zero is for ever. Throws as check_command_text().
std::string command_line(const command::Command& command, std::uint64_t number,
                         std::chrono::seconds holder_limit);

/// The line that has any POSIX shell, prepared or not, run `script` and answer as to
/// command_line(): `script` must print one word of letters, digits and dashes.
std::string bare_line(std::string_view script, std::uint64_t number);

/// What append_lines() takes of a file at once, in bytes.
constexpr std::size_t longest_append = 384 * 1024;

/// The line that has a bash, prepared or not, append `bytes` to a file and answer as to
/// command_line(), and the line that carries them, in base64. `file` is a word of the shell.
/// Programs read the second line in large pieces, where the shell would read it byte by byte; a
/// shell that comes upon it, since they could not be started, takes it for a comment.
std::string append_lines(std::string_view bytes, std::string_view file, std::uint64_t number);

/// What came of one command.
struct Answer {
    std::uint64_t number = 0;  ///< of the command
    int status = 0;
    std::string output;
    std::string damage;  ///< what is wrong with the output as it came; empty: nothing
};

/// Processes have the output of a command open whose shell has ended.
struct Holders {
    std::uint64_t number = 0;  ///< of the command
    bool given_up = false;     ///< the answer comes without what they write
    std::string names;         ///< "name (pid n)", separated by ", "
};

/// Makes the answers to command lines out of what the guest sends, however it is chopped up. No
/// I/O.
class AnswerReader {
public:
    void feed(std::string_view bytes);
    /// The next whole answer; none while there is none. What is no part of an answer is skipped. A
    /// greeting, which means that the guest's shell started anew, is told by greeted().
    std::optional<Answer> next();
    /// Reports on holders that came before what next() has returned, each once.
    std::optional<Holders> next_holders();
    /// Whether a greeting has come since the last call.
    bool greeted() noexcept;
    /// Bytes that wait for the rest of their line.
    std::size_t kept() const noexcept { return pending_.size() - begin_; }

private:
    /// An answer whose status has not yet come.
    struct Half {
        Answer answer;
        bool has_rest = false;
    };

    std::optional<std::string_view> next_line();
    void take_greeting();
    void drop_noise();
    std::optional<Answer> take_line(std::string_view line);
    void take_holders(std::uint64_t number, std::string_view value);
    void take_output(std::uint64_t number, char kind, std::string_view value);

    std::string pending_;
    std::size_t begin_ = 0;    ///< first byte not yet given out
    std::size_t scanned_ = 0;  ///< no line end between begin_ and here
    std::optional<Half> half_;
    std::deque<Holders> holders_;
    bool greeted_ = false;
};

}  // namespace charioteer::shell
