#pragma once

#include <poll.h>
#include <signal.h>
#include <stdint.h>

#include "agent/line.hpp"
#include "agent/spawn.hpp"
#include "agent/strays.hpp"

namespace charioteer::agent {

/// What one turn of the loop waits for.
struct Polls {
    static constexpr int most = 4096;

    /// Returns the entry's number. -1 without a file, or without room: it then has to wait a turn.
    int add(int fd, short events);
    short events(int number) const { return number < 0 ? short{0} : entries[number].revents; }
    void until(uint64_t moment) {
        if (moment != 0 && (wake == 0 || moment < wake)) wake = moment;
    }

    int count = 0;
    uint64_t wake = 0;  ///< the first moment at which somebody has something to do; 0 is never
    pollfd entries[most];
};

/// One command from its exec to the end of all that it left behind. Moments are microseconds of
/// sys::now(), 0 is never.
class Command {
public:
    explicit Command(uint32_t stream) : stream_(stream) {}

    uint32_t stream() const { return stream_; }
    Command* next = nullptr;  ///< in the agent's list

    /// Returns 0, or what Linux said.
    long begin(const frames::Exec& exec, CommandText text, const Inheritance& inheritance);
    uint32_t process() const { return static_cast<uint32_t>(process_); }

    // What the driver asks. take_input() is false when it sent more than it had credit for.
    bool take_input(frames::Bytes bytes);
    void end_input();
    void add_credit(uint32_t bytes) { credit_ += bytes; }
    void signal(uint32_t number);
    void resize(const frames::Resize& size);

    // One turn: says what it waits for, then does what can be done.
    void watch(Polls& polls, const Line& line);
    void work(const Polls& polls, Line& line);
    /// Whether nothing is left of it.
    bool over() const { return exited_ && kill_at_ == 0 && output_ < 0 && errors_ < 0; }
    /// Gives back what Linux holds for it.
    void close();

private:
    /// One of the two streams that it writes.
    struct Source {
        int& fd;
        frames::Type type;
        uint32_t& left;
        int entry;
    };

    void signal_group(int number);
    void end_group();
    void look_at_clock(uint64_t now);
    bool held_back() const;
    bool flows(uint64_t now);
    void look_for_strays(uint64_t now);
    void write_input(const Polls& polls, Line& line);
    void forward(Source source, const Polls& polls, Line& line);
    bool may_forward(const Line& line) const;
    bool may_be_over(int pipe) const;
    bool drained() const;
    void send_exit(Line& line);
    int& input_fd() { return on_terminal_ ? output_ : input_; }

    uint32_t stream_;
    long process_ = 0;
    bool on_terminal_ = false;
    int input_ = -1;
    int output_ = -1;
    int errors_ = -1;
    int input_entry_ = -1;
    int output_entry_ = -1;
    int errors_entry_ = -1;

    uint64_t begun_at_ = 0;
    uint64_t ended_at_ = 0;
    uint64_t limit_at_ = 0;
    uint64_t kill_at_ = 0;        ///< when the rest of its group gets SIGKILL
    uint64_t look_at_ = 0;        ///< when to look who keeps its pipes open
    uint64_t flow_begun_at_ = 0;  ///< since when, after its end, its output went on
    uint64_t flowed_at_ = 0;      ///< when, after its end, something of it came last
    bool timed_out_ = false;
    bool exited_ = false;  ///< the driver was told

    uint64_t credit_ = 0;       ///< bytes that the driver has room for
    bool left_behind_ = false;  ///< of what strays write, only what was there then is waited for
    uint32_t output_left_ = 0;
    uint32_t errors_left_ = 0;
    Strays strays_;
    siginfo_t how_{};  ///< it ended

    bool input_ended_ = false;
    uint32_t owed_ = 0;  ///< bytes of input taken and not yet given credit for
    size_t input_size_ = 0;
    unsigned char input_room_[frames::input_window];
};

}  // namespace charioteer::agent
