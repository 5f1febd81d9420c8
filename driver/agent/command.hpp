#pragma once

#include <poll.h>
#include <signal.h>
#include <stdint.h>

#include "agent/line.hpp"
#include "agent/processes.hpp"
#include "agent/spawn.hpp"

namespace charioteer::agent {

/// What one turn of the loop waits for.
struct Polls {
    static constexpr int most = 10'000;

    /// Returns the entry's number; -1 if `fd` is -1 or there is no room in this turn.
    int add(int fd, short events);
    short events(int number) const { return number < 0 ? short{0} : entries[number].revents; }
    void until(uint64_t moment) {
        if (moment != 0 && (wake == 0 || moment < wake)) wake = moment;
    }

    int count = 0;
    uint64_t wake = 0;  ///< when the first timer is due; 0 is never
    pollfd entries[most];
};

/// One command from its exec until its streams are closed. Its answer is complete when its process
/// has ended and the last holder of its standard output has closed it, whether or not its standard
/// error is open. Moments are microseconds of sys::now(), 0 is never.
class Command {
public:
    explicit Command(uint32_t stream) : stream_(stream) {}

    uint32_t stream() const { return stream_; }
    Command* next = nullptr;  ///< in the agent's list

    /// Returns 0 or a negative errno.
    long begin(const frames::Exec& exec, CommandText text, const Inheritance& inheritance);
    uint32_t process() const { return static_cast<uint32_t>(process_); }

    // Requests of the driver. handle_input() returns false when it sent more than it had credit
    // for.
    bool handle_input(frames::Bytes bytes);
    void end_input();
    void add_credit(uint32_t bytes) { credit_ += bytes; }
    void signal(uint32_t number);
    void resize(const frames::Resize& size);
    /// The driver no longer waits for it. It runs on, and its output is discarded; a command that
    /// serves only the driver is ended.
    void detach_driver();

    // One turn of the loop: adds what it waits for, then does what can be done.
    void watch(Polls& polls, const Line& line);
    void work(const Polls& polls, Line& line);
    /// Whether its answer was sent; processes may still hold its streams.
    bool answered() const { return exited_; }
    /// Whether the driver waits for its answer, and it is not for the driver's use alone.
    bool awaited() const { return !exited_ && !serves_driver_; }
    /// Whether it can be removed.
    bool over() const { return exited_ && reaped_ && output_ < 0 && errors_ < 0; }
    /// Closes its descriptors and frees its memory.
    void close();

private:
    /// One of the two streams that it writes.
    struct Source {
        int& fd;
        frames::Type type;
        int entry;
    };

    bool make_input_room(const frames::Exec& exec);
    void signal_group(int number);
    void end_group();
    void reap();
    bool waits_for_holders() const {
        return ended_at_ != 0 && !exited_ && output_ >= 0 && held_ == 0;
    }
    uint64_t give_up_at() const { return holder_limit_ == 0 ? 0 : silent_since_ + holder_limit_; }
    void check_exit();
    void check_timers(uint64_t now, Line& line);
    void report_holders(Line& line);
    void give_up_holders(uint64_t now);
    void give_up_group(uint64_t now);
    void check_output_complete();
    void write_input(const Polls& polls, Line& line);
    size_t put_input(frames::Bytes bytes);
    void forward(Source source, const Polls& polls, Line& line);
    long forward_some(Source source, size_t most, const Polls& polls, Line& line);
    bool may_forward(const Line& line) const;
    bool may_be_over(int fd) const;
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
    uint64_t kill_at_ = 0;           ///< when the rest of its group gets SIGKILL
    uint64_t give_up_group_at_ = 0;  ///< when the answer is sent though SIGKILL has not ended it
    uint64_t holder_report_ = 0;     ///< from its end to the report on the output's holders; or 0
    uint64_t holder_limit_ = 0;      ///< how long holders may write nothing; 0 is for ever
    uint64_t report_at_ = 0;
    uint64_t silent_since_ = 0;  ///< its end, or the last of its output after that
    bool timed_out_ = false;
    uint32_t held_ = 0;      ///< as in frames::Exit
    bool complete_ = false;  ///< no later output is part of the answer
    bool exited_ = false;    ///< the answer was sent
    bool reaped_ = false;

    bool serves_driver_ = false;  ///< it is a built-in program, or runs on a terminal
    uint32_t window_ = 0;         ///< initial credit
    uint64_t credit_ = 0;         ///< bytes that the driver has room for
    uint32_t errors_left_ = 0;    ///< bytes written before the answer was complete, not yet sent
    ProcessList holders_;
    siginfo_t how_{};  ///< how it ended

    bool input_ended_ = false;
    uint32_t owed_ = 0;                    ///< bytes of input taken and not yet given credit for
    size_t input_size_ = 0;                ///< bytes in input_room_
    size_t input_window_ = 0;              ///< bytes of input_room_
    unsigned char* input_room_ = nullptr;  ///< bytes that the command has not yet read
};

}  // namespace charioteer::agent
