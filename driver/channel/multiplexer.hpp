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

/// From the agent's hello; the fields of its program are 0 when it cannot read its own file.
struct Peer {
    std::uint32_t version = 0;
    std::uint64_t program_size = 0;
    std::uint64_t program_checksum = 0;
};

/// Whether a process in the guest has the port open already. If it is an agent, it must end: the
/// driver sends it a hello with the nonce of the expected one.
enum class Port { closed, open };

/// Settings for all commands of a channel. The functions are called on the io thread.
struct Settings {
    /// Called with each line that a command writes to its standard error after its call has ended
    /// or the last reference to the call was released.
    LateErrors::Report late_errors;
    /// Called with the processes that keep an answer from being complete: some time after the end
    /// of the command's shell, and when they are not waited for any longer. Only while there is a
    /// reference to the call.
    std::function<void(const HeldOutput& held)> held_output = [](const HeldOutput&) {};
    /// How long holders may write nothing; zero is no limit.
    io::Duration holder_limit{};
    /// The number of the first command's stream. random_stream() where a guest may still run
    /// commands of another driver, so that the numbers differ.
    std::uint32_t first_stream = 1;
};

/// Where a multiplexer's bytes go.
struct Output {
    std::function<void(std::string_view bytes)> send;
    /// Whether all sent bytes are written.
    std::function<bool()> flushed = [] { return true; };
};

/// Many calls over one stream of bytes, without I/O: takes received bytes, and passes the bytes to
/// send to Output. Io thread only. Whatever the agent sends, it does not throw, and keeps no more
/// output than the agent had credit for.
class Multiplexer : public FrameSink, public std::enable_shared_from_this<Multiplexer> {
public:
    static std::shared_ptr<Multiplexer> make(const asio::any_io_executor& executor, Output output,
                                             Settings settings, io::TimeSource& time);
    Multiplexer(const Multiplexer&) = delete;
    Multiplexer& operator=(const Multiplexer&) = delete;
    /// Calls that still wait fail.
    ~Multiplexer() override;

    /// Received bytes, in pieces of any size.
    void receive_bytes(std::string_view bytes);

    // As Channel's functions of these names.
    void expect(std::uint64_t nonce, Port port = Port::closed);
    void adopt();
    void resynchronise();
    void resynchronise_again();
    void on_restored(std::function<void()> handler) { restored_ = std::move(handler); }
    bool usable() const noexcept { return state_ == State::usable || state_ == State::agreeing; }
    bool synchronised() const noexcept { return state_ == State::usable; }
    std::shared_ptr<Call> start(command::Command command,
                                std::uint32_t output_window = usual_output_window);
    void fail(const std::string& why);
    io::TimePoint last_received() const noexcept { return last_received_; }

    /// Nothing is sent or received any more.
    void close(const std::string& why);
    bool closed() const noexcept { return state_ == State::closed; }

    /// Waits for the hello of the expected agent. Throws io::ConnectionLost.
    asio::awaitable<Peer> greeted();
    /// Sends a ping; returns its number, for pong_received(). Throws io::ConnectionLost.
    std::uint64_t send_ping();
    /// Waits for the pong of this ping. Throws io::ConnectionLost.
    asio::awaitable<void> pong_received(std::uint64_t number);

private:
    /// agreeing: both ends exchange their positions; other frames wait meanwhile.
    enum class State { no_agent, expecting, agreeing, usable, closed };
    /// One stream, until the agent has closed it.
    struct Entry {
        std::weak_ptr<Call> call;
        std::uint64_t output_room = 0;  ///< bytes that the agent may still send
        std::size_t late = 0;           ///< bytes discarded or reported, without credit yet
        io::LineSplitter late_lines;
        bool sent = false;  ///< a part of it was sent
    };

    Multiplexer(const asio::any_io_executor& executor, Output output, Settings settings,
                io::TimeSource& time);
    void take(const frames::Scan& found);
    void handle_of_line(const frames::Header& header, frames::Bytes payload);
    void handle_hello(frames::Bytes payload);
    void greet_expected(const frames::Hello& hello);
    void handle_agreement(const frames::Hello& hello);
    void agree(bool reset);
    void reset_positions();
    void continue_from(std::uint32_t next);
    void handle_restored_agent();
    Entry* find_or_adopt(const frames::Header& header);
    void handle_loss();
    void handle_for_stream(const frames::Header& header, frames::Bytes payload);
    bool handle_for_call(Call& call, const frames::Header& header, frames::Bytes payload);
    void report_held(const Call& call, frames::Bytes holders, HeldOutput::State state);
    void handle_late(std::uint32_t stream, Entry& entry, frames::Type type, std::string_view bytes);
    void end_stream(std::uint32_t stream, Entry& entry);
    void send(frames::Type type, std::uint32_t stream, std::string_view payload) override;
    void give_credit(std::uint32_t stream, std::size_t bytes) override;
    void cancel(std::uint32_t stream) override;

    asio::any_io_executor executor_;
    Output output_;
    Settings settings_;
    io::TimeSource& time_;
    io::Condition changed_;
    State state_ = State::no_agent;
    std::string why_not_ = "no agent was started";  ///< why there is no agent
    std::uint64_t nonce_ = 0;                       ///< 0: any agent
    bool had_agent_ = false;
    Agreement agreement_;
    int losses_ = 0;           ///< since a frame was taken
    std::size_t orphans_ = 0;  ///< streams of commands from before the last reset
    std::function<void()> restored_ = [] {};
    Peer peer_;
    std::string received_;
    std::size_t noise_ = 0;      ///< bytes from this agent that were not frames
    KeptFrames kept_;            ///< sent to this agent
    frames::Progress progress_;  ///< in its frames
    std::size_t not_acked_ = 0;  ///< bytes of frames taken since the last ack
    std::uint32_t last_stream_;
    LateErrors late_errors_;
    std::map<std::uint32_t, Entry> streams_;
    std::uint64_t last_ping_ = 0;
    std::uint64_t last_pong_ = 0;
    io::TimePoint last_received_{};
};

}  // namespace charioteer::channel
