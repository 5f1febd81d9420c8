#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frames/messages.hpp"
#include "io/unique_fd.hpp"

namespace charioteer::agent {

/// All that came of one stream.
struct Heard {
    std::optional<std::uint32_t> process;
    std::string output;
    std::string errors;
    std::uint64_t credit = 0;
    std::optional<frames::Exit> exit;
    std::string holders;              ///< that were given up
    std::optional<std::string> held;  ///< by whom, as the driver heard while it waited
    std::optional<std::string> refused;
    bool closed = false;

    /// The status once it has exited; 256 when it was refused.
    std::uint32_t status() const { return exit ? exit->status : 256; }
};

struct ExecOptions {
    std::uint32_t flags = 0;
    std::uint32_t limit = 0;
    std::uint32_t credit = 256 * 1024;
    std::uint16_t rows = 0;
    std::uint16_t columns = 0;
    std::uint32_t holder_report = 0;
    std::uint32_t holder_limit = 0;
};

struct AgentOptions {
    std::uint64_t nonce = 0xfeed;
    std::vector<std::string> environment = {};  ///< added to that of the test
    std::function<void()> prepare = [] {};      ///< in its process, before it is executed
};

/// The program under test: CHARIOTEER_AGENT, which the environment may override.
std::string agent_program();
/// Whether it runs in an emulator, whose process /proc then shows.
bool is_emulated();

/// The real agent on a socket pair, and the driver's end of the line. Dies with its owner, and so
/// do the groups of its commands that left processes behind. What waits throws std::runtime_error
/// when what it waits for does not happen within a minute.
class RunningAgent {
public:
    explicit RunningAgent(AgentOptions options = {});
    RunningAgent(const RunningAgent&) = delete;
    RunningAgent& operator=(const RunningAgent&) = delete;
    ~RunningAgent();

    pid_t pid() const { return pid_; }

    // The line. Whatever is sent goes out while something is waited for, too.
    void send(frames::Type type, std::uint32_t stream, frames::Bytes payload = {});
    template <class Message>
    void send(frames::Type type, std::uint32_t stream, const Message& message) {
        unsigned char room[64];
        send(type, stream, frames::encode(message, room));
    }
    void send_text(frames::Type type, std::uint32_t stream, std::string_view text);
    /// The bytes of the next frame, for those who send them by themselves.
    std::string make_frame(frames::Type type, std::uint32_t stream, std::string_view payload);
    /// One that asks it to begin anew.
    std::string make_hello();
    std::string make_hello(frames::Hello hello);
    /// How far the agent was heard.
    const frames::Progress& progress() const { return progress_; }
    std::uint32_t epoch() const { return epoch_; }
    void send_bytes(std::string_view bytes);
    void skip_sequence_number() { ++sequence_; }
    void close_line() { line_.reset(); }

    /// Waits for its hello and sends ours.
    void greet();
    void greet(std::uint64_t nonce);
    void exec(std::uint32_t stream, std::string_view text, ExecOptions options = {});
    /// Runs a command to its end.
    const Heard& run(std::uint32_t stream, std::string_view text, ExecOptions options = {});
    /// A ping and its answer: all that was sent before has been taken.
    void synchronise();

    // What came.
    void wait_until(const std::function<bool()>& fulfilled);
    void wait_for_exit(std::uint32_t stream);
    void wait_for_closed(std::uint32_t stream);
    void wait_for_output(std::uint32_t stream, std::string_view text);
    /// Waits until the agent has ended: its exit status.
    int wait_for_end();
    Heard& of(std::uint32_t stream) { return streams_[stream]; }
    const std::optional<frames::Hello>& hello() const { return hello_; }
    const std::vector<std::string>& pongs() const { return pongs_; }
    std::size_t frames_heard() const { return received_; }

    /// Whether credit is given for what comes.
    bool refill = true;
    /// Whether the agent gets acks for what has come.
    bool acknowledges = true;

private:
    bool pump(int milliseconds);
    void read_some();
    void take(const frames::Scan& found);
    void take_hello(frames::Bytes payload);

    std::uint64_t nonce_;
    pid_t pid_ = -1;
    io::UniqueFd line_;
    std::uint32_t sequence_ = 0;
    std::uint32_t epoch_ = 0;
    frames::Progress progress_;
    frames::Progress asked_;  ///< by the last hello
    std::size_t not_acked_ = 0;
    std::size_t received_ = 0;
    std::string outgoing_;
    std::vector<unsigned char> incoming_;
    bool ended_ = false;  ///< the line
    std::optional<frames::Hello> hello_;
    std::vector<std::string> pongs_;
    std::map<std::uint32_t, Heard> streams_;
};

}  // namespace charioteer::agent
