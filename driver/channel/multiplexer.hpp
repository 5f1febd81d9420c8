#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "channel/agreement.hpp"
#include "channel/call.hpp"
#include "channel/frame_sink.hpp"
#include "channel/kept_frames.hpp"
#include "channel/late_errors.hpp"
#include "io/line_splitter.hpp"
#include "io/time_source.hpp"

namespace charioteer::channel {

/// What the agent says of itself; zeros for its program when it cannot read its own file.
struct Peer {
    std::uint32_t version = 0;
    std::uint64_t program_size = 0;
    std::uint64_t program_checksum = 0;
};

/// Whether something in the guest has the port open already. If it is an agent, it is to end: the
/// driver sends it a hello that names the expected one.
enum class Port { closed, open };

/// What a channel does for all of its commands. Its functions are called on the io thread.
struct Settings {
    /// Gets the lines that are written to the standard error of commands after their calls have
    /// ended or the last reference to them is gone.
    LateErrors::Report late_errors;
    /// Gets what keeps an answer from being complete: some time after the end of the command's
    /// shell, and when it is given up; only while the call is held.
    std::function<void(const HeldOutput& held)> held_output = [](const HeldOutput&) {};
    /// So long the holders may be silent; zero is for ever.
    io::Duration holder_limit{};
    /// The number of the first command's stream; from random_stream() where a guest may still run
    /// commands of another driver, which must not be taken for ours.
    std::uint32_t first_stream = 1;
};

/// Where a multiplexer's bytes go.
struct Output {
    std::function<void(std::string_view bytes)> send;
    /// Whether all that was sent is written.
    std::function<bool()> flushed = [] { return true; };
};

/// Many calls over one stream of bytes, without I/O: takes the bytes that came, whatever they are,
/// and says which are to be sent. Io thread only. No bytes of the agent make it throw, or keep more
/// than the agent was given room for.
class Multiplexer : public FrameSink, public std::enable_shared_from_this<Multiplexer> {
public:
    static std::shared_ptr<Multiplexer> make(const asio::any_io_executor& executor, Output output,
                                             Settings settings, io::TimeSource& time);
    Multiplexer(const Multiplexer&) = delete;
    Multiplexer& operator=(const Multiplexer&) = delete;
    /// Calls that still wait fail.
    ~Multiplexer() override;

    /// Bytes that came, in any pieces.
    void take_bytes(std::string_view bytes);

    // As Channel's functions of these names.
    void expect(std::uint64_t nonce, Port port = Port::closed);
    void adopt();
    void resynchronise();
    void ask_again();
    /// `handler` is called when the guest went back to an earlier state.
    void on_gone_back(std::function<void()> handler) { gone_back_ = std::move(handler); }
    bool usable() const noexcept { return state_ == State::usable || state_ == State::agreeing; }
    bool in_step() const noexcept { return state_ == State::usable; }
    std::shared_ptr<Call> start(command::Command command,
                                std::uint32_t output_window = usual_output_window);
    void fail(const std::string& why);
    io::TimePoint heard() const noexcept { return heard_; }

    /// Nothing is sent or heard any more.
    void close(const std::string& why);
    bool closed() const noexcept { return state_ == State::closed; }

    /// Waits for the hello of the expected agent. Throws io::ConnectionLost.
    asio::awaitable<Peer> greeted();
    /// Asks for an answer; the question's number, for answered(). Throws io::ConnectionLost.
    std::uint64_t ask();
    /// Waits for the answer. Throws io::ConnectionLost.
    asio::awaitable<void> answered(std::uint64_t number);

private:
    /// agreeing: both ends find out what the other has heard; frames wait meanwhile.
    enum class State { silent, expecting, agreeing, usable, closed };
    /// One stream, until the agent says that nothing more comes of it.
    struct Entry {
        std::weak_ptr<Call> call;
        std::uint64_t output_room = 0;  ///< bytes that the agent may still send
        std::size_t late = 0;           ///< bytes discarded or reported, without credit yet
        io::LineSplitter late_lines;
        bool sent = false;  ///< something of it went over the line
    };

    Multiplexer(const asio::any_io_executor& executor, Output output, Settings settings,
                io::TimeSource& time);
    void take(const frames::Scan& found);
    void take_of_line(const frames::Header& header, frames::Bytes payload);
    void take_hello(frames::Bytes payload);
    void greet_expected(const frames::Hello& hello);
    void take_agreement(const frames::Hello& hello);
    void agree(bool anew);
    void begin_anew();
    void continue_from(std::uint32_t next);
    void go_back();
    Entry* find_or_adopt(const frames::Header& header);
    void lose_step();
    void take_for_stream(const frames::Header& header, frames::Bytes payload);
    bool take_for_call(Call& call, const frames::Header& header, frames::Bytes payload);
    void report_held(const Call& call, frames::Bytes holders, HeldOutput::State state);
    void take_late(std::uint32_t stream, Entry& entry, frames::Type type, std::string_view bytes);
    void end_stream(std::uint32_t stream, Entry& entry);
    void send(frames::Type type, std::uint32_t stream, std::string_view payload) override;
    void give_credit(std::uint32_t stream, std::size_t bytes) override;
    void cancel(std::uint32_t stream) override;

    asio::any_io_executor executor_;
    Output output_;
    Settings settings_;
    io::TimeSource& time_;
    io::Condition changed_;
    State state_ = State::silent;
    std::string why_not_ = "no agent was started";  ///< there is no agent
    std::uint64_t nonce_ = 0;                       ///< 0: any agent
    bool had_agent_ = false;
    Agreement agreement_;
    int steps_lost_ = 0;       ///< since a frame was taken
    std::size_t orphans_ = 0;  ///< streams of commands from before the line began anew
    std::function<void()> gone_back_ = [] {};
    Peer peer_;
    std::string received_;
    std::size_t noise_ = 0;      ///< bytes from this agent that were no frames
    KeptFrames kept_;            ///< to this agent
    frames::Progress progress_;  ///< of its frames
    std::size_t not_acked_ = 0;  ///< bytes of frames taken since the last ack
    std::uint32_t last_stream_;
    LateErrors late_errors_;
    std::map<std::uint32_t, Entry> streams_;
    std::uint64_t last_ping_ = 0;
    std::uint64_t last_pong_ = 0;
    io::TimePoint heard_{};
};

}  // namespace charioteer::channel
