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

/// Everything that was received on one stream.
struct Received {
    std::optional<std::uint32_t> process;
    std::string output;
    std::string errors;
    std::uint64_t credit = 0;
    std::optional<frames::Exit> exit;
    std::string holders;              ///< abandoned pipe holders, from the exit frame
    std::optional<std::string> held;  ///< pipe holders that were reported during the wait
    std::optional<std::string> refused;
    bool closed = false;

    /// The status after its exit; 256 if it was refused.
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
    std::function<void()> prepare = [] {};      ///< called in its process before exec
};

/// The program under test; CHARIOTEER_AGENT_PROGRAM in the environment names another one.
std::string agent_program();
/// Whether it runs in an emulator, so that /proc shows the emulator's process.
bool is_emulated();

/// The real agent on a socket pair, and the driver's end of the connection. The destructor kills
/// the agent and the process groups of commands that have not ended. Waits throw std::runtime_error
/// after a minute.
class RunningAgent {
public:
    explicit RunningAgent(AgentOptions options = {});
    RunningAgent(const RunningAgent&) = delete;
    RunningAgent& operator=(const RunningAgent&) = delete;
    ~RunningAgent();

    pid_t pid() const { return pid_; }

    // The connection. Queued bytes are also sent during waits.
    void send(frames::Type type, std::uint32_t stream, frames::Bytes payload = {});
    template <class Message>
    void send(frames::Type type, std::uint32_t stream, const Message& message) {
        unsigned char buffer[64];
        send(type, stream, frames::encode(message, buffer));
    }
    void send_text(frames::Type type, std::uint32_t stream, std::string_view text);
    /// The bytes of the next frame, for tests that send them themselves.
    std::string make_frame(frames::Type type, std::uint32_t stream, std::string_view payload);
    /// A hello that resets the agent.
    std::string make_hello();
    std::string make_hello(frames::Hello hello);
    /// The progress of the frames received from the agent.
    const frames::Progress& progress() const { return progress_; }
    std::uint32_t epoch() const { return epoch_; }
    void send_bytes(std::string_view bytes);
    void skip_sequence_number() { ++sequence_; }
    void close_line() { line_.reset(); }

    /// Waits for the agent's hello and replies.
    void greet();
    void greet(std::uint64_t nonce);
    void exec(std::uint32_t stream, std::string_view text, ExecOptions options = {});
    /// Runs a command to its end.
    const Received& run(std::uint32_t stream, std::string_view text, ExecOptions options = {});
    /// Sends a ping and waits for the pong: the agent has handled everything sent before.
    void synchronise();

    // The received frames.
    void wait_until(const std::function<bool()>& fulfilled);
    void wait_for_exit(std::uint32_t stream);
    void wait_for_closed(std::uint32_t stream);
    void wait_for_output(std::uint32_t stream, std::string_view text);
    /// Waits for the end of the agent; its exit status.
    int wait_for_end();
    Received& of(std::uint32_t stream) { return streams_[stream]; }
    const std::optional<frames::Hello>& hello() const { return hello_; }
    const std::vector<std::string>& pongs() const { return pongs_; }
    std::size_t frames_received() const { return received_; }

    /// Whether credit is returned for received output.
    bool refill = true;
    /// Whether received frames are acknowledged.
    bool acknowledges = true;

private:
    bool pump(int milliseconds);
    void read_some();
    void receive_frame(const frames::Scan& found);
    void receive_hello(frames::Bytes payload);

    std::uint64_t nonce_;
    pid_t pid_ = -1;
    io::UniqueFd line_;
    std::uint32_t sequence_ = 0;
    std::uint32_t epoch_ = 0;
    frames::Progress progress_;
    frames::Progress requested_;  ///< the progress in the last hello sent
    std::size_t not_acked_ = 0;
    std::size_t received_ = 0;
    std::string outgoing_;
    std::vector<unsigned char> incoming_;
    bool ended_ = false;  ///< the agent has closed the connection
    std::optional<frames::Hello> hello_;
    std::vector<std::string> pongs_;
    std::map<std::uint32_t, Received> streams_;
};

}  // namespace charioteer::agent
