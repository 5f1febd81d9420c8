#include "agent/command.hpp"

#include <sys/ioctl.h>

#include "agent/system.hpp"

namespace charioteer::agent {

namespace {

constexpr uint64_t millisecond = 1000;
/// From SIGTERM to SIGKILL.
constexpr uint64_t kill_grace = 5000 * millisecond;
/// From SIGKILL to the answer, if that has not ended the process group.
constexpr uint64_t end_grace = 5000 * millisecond;
/// Bytes of one stream that are sent in one turn of the loop, so that all streams are served.
constexpr size_t turn_bytes = 48 * 1024;
constexpr uint32_t timed_out_status = 124;
/// Credit is returned when one part of this many of the window was read, not for every byte.
constexpr size_t credit_parts = 4;

uint32_t waiting_in(int pipe) {
    int bytes = 0;
    if (pipe < 0 || sys::ioctl(pipe, FIONREAD, &bytes) != 0) return 0;
    return static_cast<uint32_t>(bytes);
}

/// The events that poll() reports at once.
short events_of(int fd, short wanted) {
    pollfd entry{.fd = fd, .events = wanted, .revents = 0};
    return sys::poll_for(&entry, 1, 0) == 1 ? entry.revents : short{0};
}

void close_fd(int& fd) {
    if (fd >= 0) sys::close(fd);
    fd = -1;
}

}  // namespace

int Polls::add(int fd, short events) {
    if (fd < 0 || count == most) return -1;
    entries[count] = {.fd = fd, .events = events, .revents = 0};
    return count++;
}

long Command::begin(const frames::Exec& exec, CommandText text, const Inheritance& inheritance) {
    begun_at_ = sys::now();
    on_terminal_ = (exec.flags & frames::Exec::on_terminal) != 0;
    if (!make_input_room(exec)) return -ENOMEM;
    auto spawned = spawn(exec, text, inheritance);
    if (spawned.process < 0) {
        close();
        return spawned.process;
    }
    process_ = spawned.process;
    input_ = spawned.input;
    output_ = spawned.output;
    errors_ = spawned.errors;
    serves_driver_ = on_terminal_ || (exec.flags & frames::Exec::built_in) != 0;
    credit_ = window_ = exec.credit;
    if (exec.limit != 0) limit_at_ = begun_at_ + exec.limit * millisecond;
    holder_report_ = exec.holder_report * millisecond;
    holder_limit_ = exec.holder_limit * millisecond;
    return 0;
}

/// A built-in program reads its input as fast as it can and gets a larger window, which the driver
/// is given as credit. Only the pages that are used take memory. False when there is no memory.
bool Command::make_input_room(const frames::Exec& exec) {
    if (!on_terminal_ && (exec.flags & frames::Exec::with_input) == 0) return true;
    bool ours = (exec.flags & frames::Exec::built_in) != 0;
    input_window_ = ours ? frames::most_input_window : frames::input_window;
    input_room_ = static_cast<unsigned char*>(sys::map(input_window_));
    owed_ = static_cast<uint32_t>(input_window_ - frames::input_window);
    return input_room_ != nullptr;
}

bool Command::handle_input(frames::Bytes bytes) {
    if (input_fd() < 0 || input_ended_) {
        // The command has closed its input: the bytes are discarded, and their credit is returned.
        owed_ += static_cast<uint32_t>(bytes.size());
        return true;
    }
    if (bytes.size() > input_window_ - input_size_) return false;
    if (input_size_ == 0) bytes = bytes.subspan(put_input(bytes));
    memcpy(input_room_ + input_size_, bytes.data(), bytes.size());
    input_size_ += bytes.size();
    return true;
}

/// Returns how many bytes were taken: all of them when the command has closed its input.
size_t Command::put_input(frames::Bytes bytes) {
    auto put = sys::write(input_fd(), bytes.data(), bytes.size());
    if (put == -EAGAIN || put == -EINTR) return 0;
    if (put < 0) close_fd(input_);
    auto taken = put < 0 ? bytes.size() : static_cast<size_t>(put);
    owed_ += static_cast<uint32_t>(taken);
    return taken;
}

void Command::end_input() {
    input_ended_ = true;
    if (input_size_ == 0) close_fd(input_);
}

void Command::signal(uint32_t number) {
    if (exited_) return;
    if (number == 0)
        end_group();
    else
        signal_group(static_cast<int>(number));
}

/// A process that was just started may not have its group yet, but has no children then.
void Command::signal_group(int number) {
    auto process = static_cast<int>(process_);
    if (sys::kill(-process, number) == -ESRCH) sys::kill(process, number);
}

void Command::resize(const frames::Resize& size) {
    winsize window{.ws_row = size.rows, .ws_col = size.columns, .ws_xpixel = 0, .ws_ypixel = 0};
    if (on_terminal_ && output_ >= 0) sys::ioctl(output_, TIOCSWINSZ, &window);
}

void Command::detach_driver() {
    stream_ |= frames::orphan;
    // Frames that were not sent yet are lost, and with them the credit that they used.
    credit_ = window_;
    end_input();
    if (serves_driver_ && !exited_) end_group();
}

/// The leader stays a zombie until the last signal was sent, so that the group's id is not reused.
void Command::end_group() {
    if (kill_at_ != 0) return;
    signal_group(SIGTERM);
    // An interactive shell ignores SIGTERM, and passes SIGHUP on to its jobs.
    if (on_terminal_) signal_group(SIGHUP);
    signal_group(SIGCONT);  // a stopped process ends only then
    kill_at_ = sys::now() + kill_grace;
}

/// For a command whose answer was sent and whose group gets no more signals. A process that SIGKILL
/// has not ended is reaped later.
void Command::reap() {
    if (!reaped_ && kill_at_ == 0) reaped_ = sys::reap(static_cast<int>(process_));
}

bool Command::may_forward(const Line& line) const {
    return credit_ > 0 && line.room() >= Line::reserve + frames::header_size + turn_bytes;
}

/// Whether the stream is empty, so that its end can be waited for without credit. Not by FIONREAD:
/// for a terminal that does not count what the kernel has not passed on yet.
bool Command::may_be_over(int fd) const {
    return fd >= 0 && ended_at_ != 0 && (events_of(fd, POLLIN) & POLLIN) == 0;
}

void Command::watch(Polls& polls, const Line& line) {
    input_entry_ = output_entry_ = errors_entry_ = -1;
    bool forward = may_forward(line);
    short output_events = 0;
    if (exited_ || forward) output_events |= POLLIN;
    if (on_terminal_ && input_size_ > 0) output_events |= POLLOUT;
    if (output_events != 0 || may_be_over(output_))
        output_entry_ = polls.add(output_, output_events);
    if (on_terminal_) input_entry_ = output_entry_;
    if (forward || may_be_over(errors_))
        errors_entry_ = polls.add(errors_, forward ? POLLIN : short{0});
    // Without input to write, poll() still reports that the reader has closed the pipe.
    if (!on_terminal_) input_entry_ = polls.add(input_, input_size_ > 0 ? POLLOUT : short{0});
    if (ended_at_ == 0) polls.until(limit_at_);
    polls.until(kill_at_);
    polls.until(give_up_group_at_);
    if (!waits_for_holders()) return;
    // Without room for the report the line is waited for instead.
    if (line.room() >= Line::reserve) polls.until(report_at_);
    polls.until(give_up_at());
}

void Command::work(const Polls& polls, Line& line) {
    check_exit();
    write_input(polls, line);
    forward({output_, frames::Type::output, output_entry_}, polls, line);
    forward({errors_, frames::Type::errors, errors_entry_}, polls, line);
    check_timers(sys::now(), line);
    check_output_complete();
    bool drained = complete_ && (errors_ < 0 || errors_left_ == 0);
    if (!exited_ && drained && line.room() >= Line::reserve) send_exit(line);
}

void Command::check_exit() {
    if (exited_) reap();
    if (ended_at_ != 0 || !sys::has_ended(static_cast<int>(process_), how_)) return;
    ended_at_ = silent_since_ = sys::now();
    if (holder_report_ != 0) report_at_ = ended_at_ + holder_report_;
}

void Command::check_timers(uint64_t now, Line& line) {
    if (limit_at_ != 0 && ended_at_ == 0 && now >= limit_at_) {
        limit_at_ = 0;
        timed_out_ = true;
        end_group();
    }
    if (kill_at_ != 0 && now >= kill_at_) {
        signal_group(SIGKILL);
        kill_at_ = 0;
        if (timed_out_ && !exited_) give_up_group_at_ = now + end_grace;
        if (exited_) reap();
    }
    if (give_up_group_at_ != 0 && now >= give_up_group_at_) give_up_group(now);
    if (!waits_for_holders()) return;
    if (report_at_ != 0 && now >= report_at_ && line.room() >= Line::reserve) report_holders(line);
    if (holder_limit_ != 0 && now >= give_up_at()) give_up_holders(now);
}

/// Sends one report. None for a pipe that its writers have closed and that was only not read to its
/// end, nor for a terminal, which is hung up.
void Command::report_holders(Line& line) {
    report_at_ = 0;
    if (on_terminal_ || (events_of(output_, 0) & POLLHUP) != 0) return;
    auto holders = find_pipe_holders(output_);
    line.put(frames::Type::held, stream_,
             {reinterpret_cast<const unsigned char*>(holders.c_str()), holders.size()});
}

/// Output that waits for the driver's credit counts as written now.
void Command::give_up_holders(uint64_t now) {
    if ((events_of(output_, POLLIN) & (POLLIN | POLLHUP)) != 0) {
        silent_since_ = now;
        return;
    }
    held_ = frames::Exit::output_open;
    holders_ = find_pipe_holders(output_);
}

/// Its limit has passed, and SIGKILL has not ended the whole group: a process may wait for a disk
/// that does not respond. Holders of its output in other groups are still waited for.
void Command::give_up_group(uint64_t now) {
    give_up_group_at_ = 0;
    if (exited_) return;
    auto members = find_group_members(process_);
    if (ended_at_ != 0 && members.size() == 0) return;
    if (ended_at_ == 0) ended_at_ = now;
    held_ = frames::Exit::not_ended;
    holders_ = members;
}

/// Standard error may stay open for ever: what was written to it so far is part of the answer.
void Command::check_output_complete() {
    if (ended_at_ == 0 || complete_) return;
    // The terminal was hung up when the leader of its session ended.
    if (on_terminal_ && output_ >= 0 && events_of(output_, POLLIN) == 0) close_fd(output_);
    if (output_ >= 0 && held_ == 0) return;
    complete_ = true;
    errors_left_ = waiting_in(errors_);
}

void Command::write_input(const Polls& polls, Line& line) {
    auto events = polls.events(input_entry_);
    if (input_fd() >= 0 && input_size_ > 0 && (events & (POLLOUT | POLLERR | POLLHUP)) != 0) {
        auto put = put_input({input_room_, input_size_});
        input_size_ -= put;
        memmove(input_room_, input_room_ + put, input_size_);
    }
    if (input_ >= 0 && ((events & POLLERR) != 0 || (input_ended_ && input_size_ == 0)))
        close_fd(input_);
    bool give = owed_ > 0 && (owed_ >= input_window_ / credit_parts || input_fd() < 0);
    if (!exited_ && give && line.room() >= Line::reserve) {
        line.put(frames::Type::credit, stream_, frames::Credit{.bytes = owed_});
        owed_ = 0;
    }
}

void Command::forward(Source source, const Polls& polls, Line& line) {
    if (source.fd < 0 || (polls.events(source.entry) & (POLLIN | POLLHUP | POLLERR)) == 0) return;
    for (size_t turn = turn_bytes; turn > 0;) {
        auto got = forward_some(source, turn, polls, line);
        if (got == -EINTR) continue;
        if (got == -EAGAIN) return;
        if (got <= 0)
            return close_fd(source.fd);  // reading a terminal that was hung up fails with EIO
        turn -= static_cast<size_t>(got);
    }
}

/// The result of reading up to `most` bytes: their number, 0 at the end, or a negative errno,
/// -EAGAIN also when credit or room is missing.
long Command::forward_some(Source source, size_t most, const Polls& polls, Line& line) {
    bool is_output = source.type == frames::Type::output;
    if (exited_ && is_output) {
        // Output that its holders write after the answer is discarded.
        char discarded[4096];
        return sys::read(source.fd, discarded, most < sizeof discarded ? most : sizeof discarded);
    }
    if (!may_forward(line)) {
        bool hung_up = (polls.events(source.entry) & POLLHUP) != 0;
        return hung_up && may_be_over(source.fd) ? 0 : -EAGAIN;
    }
    if (most > credit_) most = static_cast<size_t>(credit_);
    auto got = line.put_from(source.fd, most, source.type, stream_);
    if (got <= 0) return got;
    auto bytes = static_cast<uint32_t>(got);
    credit_ -= bytes;
    if (is_output && ended_at_ != 0) silent_since_ = sys::now();
    if (!is_output) errors_left_ -= bytes < errors_left_ ? bytes : errors_left_;
    return got;
}

void Command::send_exit(Line& line) {
    bool exited = how_.si_code == CLD_EXITED;
    auto number = static_cast<uint32_t>(how_.si_status);
    frames::Exit exit{.status = exited ? number : 128 + number,
                      .signal = exited ? 0 : number,
                      .timed_out = timed_out_ ? 1u : 0u,
                      .microseconds = ended_at_ - begun_at_,
                      .held = held_};
    if (timed_out_) exit.status = timed_out_status;
    unsigned char payload[512];
    auto size = frames::encode(exit, payload).size();
    memcpy(payload + size, holders_.c_str(), holders_.size());
    line.put(frames::Type::exit, stream_, {payload, size + holders_.size()});
    exited_ = true;
    close_fd(input_);
    reap();
}

void Command::close() {
    if (input_room_ != nullptr) sys::unmap(input_room_, input_window_);
    input_room_ = nullptr;
    close_fd(input_);
    close_fd(output_);
    close_fd(errors_);
}

}  // namespace charioteer::agent
