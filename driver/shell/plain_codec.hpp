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

/// The line that has the guest run `command` and answer with one line of base64 and one that says
/// `#{number}:{status}`. Throws io::UsageError when the command is longer than Linux lets a program
/// take as an argument, 128 KiB.
std::string command_line(const Command& command, std::uint64_t number);

/// Makes the answers to command lines out of what the guest sends, however it is chopped up. No
/// I/O.
class AnswerReader {
public:
    struct Answer {
        std::uint64_t number;
        int status;
        std::string output;
    };

    void feed(std::string_view bytes);
    /// The next whole answer; none while there is none. A greeting among them, which means that the
    /// guest's shell started anew, is returned by greeted(). Throws io::Error for output that is
    /// not base64.
    std::optional<Answer> next();
    /// Whether a greeting has come since the last call.
    bool greeted() noexcept;
    /// Forgets half an answer.
    void reset() { *this = {}; }

private:
    std::optional<std::string_view> next_line();

    std::string pending_;
    std::size_t begin_ = 0;    ///< first byte not yet given out
    std::size_t scanned_ = 0;  ///< no line end between begin_ and here
    std::string output_;       ///< the last line that was not the end of an answer, in base64
    bool greeted_ = false;
};

}  // namespace charioteer::shell
