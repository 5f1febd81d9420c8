#include "agent/command.hpp"

#include <sys/ioctl.h>

#include "agent/system.hpp"

namespace charioteer::agent {

namespace {

constexpr uint64_t millisecond = 1000;
/// From SIGTERM to SIGKILL.
constexpr uint64_t kill_grace = 5000 * millisecond;
/// How long its output may stay open after its end before we look who holds it.
constexpr uint64_t stray_pause = 200 * millisecond;
/// Who holds it may be about to end by itself, as the other side of a process substitution is. So
/// long it may compute or wait for a disk without saying anything,
constexpr uint64_t busy_patience = 20000 * millisecond;
/// and so long it may say more and more.
constexpr uint64_t flow_patience = 60000 * millisecond;
/// Of one that sleeps: a child in the background that says something soon, or a daemon.
constexpr uint64_t sleeper_patience = 1000 * millisecond;
/// Of one that is not found.
constexpr uint64_t unknown_patience = 2000 * millisecond;
/// What one stream may say in one turn, so that each has its turn.
constexpr size_t turn_bytes = 16 * 1024;
constexpr uint32_t timed_out_status = 124;
/// Credit is given back in pieces of this size, not for every byte.
constexpr uint32_t credit_piece = 16 * 1024;

uint32_t waiting_in(int pipe) {
    int bytes = 0;
    if (pipe < 0 || sys::ioctl(pipe, FIONREAD, &bytes) != 0) return 0;
    return static_cast<uint32_t>(bytes);
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
    auto spawned = spawn(exec, text, inheritance);
    if (spawned.process < 0) return spawned.process;
    process_ = spawned.process;
    input_ = spawned.input;
    output_ = spawned.output;
    errors_ = spawned.errors;
    on_terminal_ = (exec.flags & frames::Exec::on_terminal) != 0;
    credit_ = exec.credit;
    if (exec.limit != 0) limit_at_ = begun_at_ + exec.limit * millisecond;
    return 0;
}

bool Command::take_input(frames::Bytes bytes) {
    if (input_fd() < 0 || input_ended_) {
        // It no longer listens; whoever sends must not wait for it.
        owed_ += static_cast<uint32_t>(bytes.size());
        return true;
    }
    if (bytes.size() > sizeof input_room_ - input_size_) return false;
    memcpy(input_room_ + input_size_, bytes.data(), bytes.size());
    input_size_ += bytes.size();
    return true;
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

/// One that has only just been started may not have its group yet, but is alone then.
void Command::signal_group(int number) {
    auto process = static_cast<int>(process_);
    if (sys::kill(-process, number) == -ESRCH) sys::kill(process, number);
}

void Command::resize(const frames::Resize& size) {
    winsize window{.ws_row = size.rows, .ws_col = size.columns, .ws_xpixel = 0, .ws_ypixel = 0};
    if (on_terminal_ && output_ >= 0) sys::ioctl(output_, TIOCSWINSZ, &window);
}

/// The leader stays a zombie until the last signal was sent, so that its group's number cannot
/// become somebody else's.
void Command::end_group() {
    if (kill_at_ != 0) return;
    signal_group(SIGTERM);
    // A shell that somebody types into ignores SIGTERM, and passes SIGHUP on to its jobs.
    if (on_terminal_) signal_group(SIGHUP);
    signal_group(SIGCONT);  // one that was stopped can only then end
    kill_at_ = sys::now() + kill_grace;
}

bool Command::may_forward(const Line& line) const {
    return credit_ > 0 && line.room() >= Line::reserve + frames::header_size + turn_bytes;
}

/// Whether there is nothing to read, so that its end can be waited for without credit.
bool Command::may_be_over(int pipe) const {
    return pipe >= 0 && ended_at_ != 0 && waiting_in(pipe) == 0;
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
    // Without anything to write, that nobody reads is still told.
    if (!on_terminal_) input_entry_ = polls.add(input_, input_size_ > 0 ? POLLOUT : short{0});
    if (ended_at_ == 0) polls.until(limit_at_);
    polls.until(kill_at_);
    if (ended_at_ != 0 && !exited_ && !left_behind_ && !held_back()) polls.until(look_at_);
}

void Command::work(const Polls& polls, Line& line) {
    if (ended_at_ == 0 && sys::has_ended(static_cast<int>(process_), how_)) {
        ended_at_ = flow_begun_at_ = sys::now();
        look_at_ = ended_at_ + stray_pause;
    }
    write_input(polls, line);
    forward({output_, frames::Type::output, output_left_, output_entry_}, polls, line);
    forward({errors_, frames::Type::errors, errors_left_, errors_entry_}, polls, line);
    look_at_clock(sys::now());
    if (!exited_ && ended_at_ != 0 && drained() && line.room() >= Line::reserve) send_exit(line);
}

void Command::look_at_clock(uint64_t now) {
    if (limit_at_ != 0 && ended_at_ == 0 && now >= limit_at_) {
        limit_at_ = 0;
        timed_out_ = true;
        end_group();
    }
    if (kill_at_ != 0 && now >= kill_at_) {
        signal_group(SIGKILL);
        kill_at_ = 0;
        look_at_ = now + stray_pause;
        if (exited_) sys::reap(static_cast<int>(process_));
    }
    if (ended_at_ != 0 && !exited_ && !left_behind_ && now >= look_at_) look_for_strays(now);
}

/// Whether it has said more than the driver has room for.
bool Command::held_back() const {
    return credit_ == 0 && (waiting_in(output_) > 0 || waiting_in(errors_) > 0);
}

/// Whether more has come since the last look, or is about to.
bool Command::flows(uint64_t now) {
    if (waiting_in(output_) > 0 || waiting_in(errors_) > 0) flowed_at_ = now;
    // The driver's time is not its own.
    if (held_back()) flow_begun_at_ = now;
    return now - flowed_at_ < stray_pause && now - flow_begun_at_ < flow_patience;
}

/// The output is still open though the command has ended. Whoever is about to end is waited for; a
/// daemon is not.
void Command::look_for_strays(uint64_t now) {
    look_at_ = now + stray_pause;
    if (kill_at_ != 0 || flows(now)) return;
    strays_ = find_strays(output_, errors_);
    auto silent = now - (flowed_at_ > ended_at_ ? flowed_at_ : ended_at_);
    auto patience = strays_.busy        ? busy_patience
                    : strays_.count > 0 ? sleeper_patience
                                        : unknown_patience;
    if (silent < patience) return;
    left_behind_ = true;
    output_left_ = waiting_in(output_);
    errors_left_ = waiting_in(errors_);
}

bool Command::drained() const {
    if (left_behind_) return output_left_ == 0 && errors_left_ == 0;
    return output_ < 0 && errors_ < 0;
}

void Command::write_input(const Polls& polls, Line& line) {
    auto events = polls.events(input_entry_);
    auto& fd = input_fd();
    if (fd >= 0 && input_size_ > 0 && (events & (POLLOUT | POLLERR | POLLHUP)) != 0) {
        auto put = sys::write(fd, input_room_, input_size_);
        if (put > 0) {
            input_size_ -= static_cast<size_t>(put);
            owed_ += static_cast<uint32_t>(put);
            memmove(input_room_, input_room_ + put, input_size_);
        } else if (put != -EAGAIN && put != -EINTR) {
            owed_ += static_cast<uint32_t>(input_size_);
            input_size_ = 0;
            close_fd(input_);
        }
    }
    if (input_ >= 0 && ((events & POLLERR) != 0 || (input_ended_ && input_size_ == 0)))
        close_fd(input_);
    bool give = owed_ >= credit_piece || (owed_ > 0 && input_size_ == 0);
    if (!exited_ && give && line.room() >= Line::reserve) {
        line.put(frames::Type::credit, stream_, frames::Credit{.bytes = owed_});
        owed_ = 0;
    }
}

void Command::forward(Source source, const Polls& polls, Line& line) {
    if (source.fd < 0 || (polls.events(source.entry) & (POLLIN | POLLHUP | POLLERR)) == 0) return;
    size_t turn = turn_bytes;
    while (turn > 0) {
        long got = 0;
        if (exited_ && source.type == frames::Type::output) {
            // What strays print now belongs to no answer.
            char nobody_wants_it[4096];
            got = sys::read(source.fd, nobody_wants_it, sizeof nobody_wants_it);
            turn -= turn < sizeof nobody_wants_it ? turn : sizeof nobody_wants_it;
        } else {
            bool limited = left_behind_ && !exited_;
            auto most = turn < credit_ ? turn : static_cast<size_t>(credit_);
            if (limited && most > source.left) most = source.left;
            if (most == 0 || !may_forward(line)) {
                bool hung_up = (polls.events(source.entry) & POLLHUP) != 0;
                if (hung_up && may_be_over(source.fd)) close_fd(source.fd);
                return;
            }
            got = line.put_from(source.fd, most, source.type, stream_);
            if (got > 0) {
                credit_ -= static_cast<uint64_t>(got);
                turn -= static_cast<size_t>(got);
                if (limited) source.left -= static_cast<uint32_t>(got);
                if (ended_at_ != 0) flowed_at_ = sys::now();
            }
        }
        if (got == -EINTR) continue;
        if (got == -EAGAIN) return;
        if (got <= 0) {  // a terminal ends with EIO
            close_fd(source.fd);
            source.left = 0;
            return;
        }
    }
}

void Command::send_exit(Line& line) {
    bool exited = how_.si_code == CLD_EXITED;
    auto number = static_cast<uint32_t>(how_.si_status);
    frames::Exit exit{.status = exited ? number : 128 + number,
                      .signal = exited ? 0 : number,
                      .timed_out = timed_out_ ? 1u : 0u,
                      .microseconds = ended_at_ - begun_at_,
                      .strays = strays_.count};
    if (timed_out_) exit.status = timed_out_status;
    unsigned char payload[512];
    auto size = frames::encode(exit, payload).size();
    memcpy(payload + size, strays_.names.c_str(), strays_.names.size());
    line.put(frames::Type::exit, stream_, {payload, size + strays_.names.size()});
    exited_ = true;
    close_fd(input_);
    if (kill_at_ == 0) sys::reap(static_cast<int>(process_));
}

void Command::close() {
    close_fd(input_);
    close_fd(output_);
    close_fd(errors_);
}

}  // namespace charioteer::agent
