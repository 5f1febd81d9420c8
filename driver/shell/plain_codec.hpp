#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace charioteer::shell {

/// What is asked of the root shell.
struct Command {
    std::string text;  ///< for `bash -c`
    bool want_status = true;
    bool want_output = true;  ///< false: the answer is not waited for
    /// What the guest's `timeout` takes, in seconds ("900", "0.5"); none: no limit there.
    std::optional<std::string> guest_limit;
};

struct CommandResult {
    int status = 0;      ///< exit status; -1 not wanted, -2 not waited for
    std::string output;  ///< standard output, any bytes
};

/// What the guest says once its root shell listens (driver contract, section 4.2).
constexpr std::string_view greeting = "Spawning backdoor root shell...";

/// The line that has the guest run `command` and answer with two lines: `#{number}={base64}` has
/// the output, `#{number}:{status}` the exit status. Throws io::UsageError when the command is
/// longer than Linux lets a program take as an argument, 128 KiB.
std::string command_line(const Command& command, std::uint64_t number);

/// What came of one command.
struct Answer {
    std::uint64_t number = 0;  ///< of the command
    int status = 0;
    std::string output;
    std::string damage;  ///< what is wrong with the output as it came; empty: nothing
};

/// Makes the answers to command lines out of what the guest sends, however it is chopped up. No
/// I/O.
class AnswerReader {
public:
    void feed(std::string_view bytes);
    /// The next whole answer; none while there is none. What is no part of an answer is skipped. A
    /// greeting, which means that the guest's shell started anew, is told by greeted().
    std::optional<Answer> next();
    /// Whether a greeting has come since the last call.
    bool greeted() noexcept;

private:
    std::optional<std::string_view> next_line();
    void take_greeting();
    std::optional<Answer> take_line(std::string_view line);

    std::string pending_;
    std::size_t begin_ = 0;    ///< first byte not yet given out
    std::size_t scanned_ = 0;  ///< no line end between begin_ and here
    /// An answer whose status has not yet come.
    std::optional<Answer> half_;
    bool greeted_ = false;
};

}  // namespace charioteer::shell
