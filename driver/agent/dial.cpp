#include "agent/dial.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include "agent/error_output.hpp"
#include "agent/system.hpp"
#include "agent/text.hpp"

namespace charioteer::agent {

namespace {

/// Copies bytes from one descriptor to another. Both may be blocking: a pipe or socket that poll()
/// reports as writable accepts as many bytes as the buffer holds.
class Flow {
public:
    Flow(int from, int to) : from_(from), to_(to) {}

    bool ended() const { return ended_; }
    /// Whether it ended because the bytes could not be written.
    bool refused() const { return begin_ != end_; }

    pollfd waits_for() const {
        if (ended_) return {.fd = -1, .events = 0, .revents = 0};
        bool full = begin_ != end_;
        return {.fd = full ? to_ : from_,
                .events = full ? short{POLLOUT} : short{POLLIN},
                .revents = 0};
    }
    /// One read or write, after poll() has reported waits_for().
    void move() {
        if (begin_ == end_) {
            auto got = sys::read(from_, room_, sizeof room_);
            ended_ = got <= 0;
            begin_ = 0;
            end_ = ended_ ? 0 : static_cast<size_t>(got);
        } else {
            auto put = sys::write(to_, room_ + begin_, end_ - begin_);
            ended_ = put <= 0;
            if (!ended_) begin_ += static_cast<size_t>(put);
        }
    }

private:
    int from_;
    int to_;
    bool ended_ = false;
    size_t begin_ = 0;
    size_t end_ = 0;
    char room_[4096];
};

const char* describe(long error) {
    switch (-error) {
        case ENOENT:
            return "no such file";
        case ECONNREFUSED:
            return "connection refused";
        case EPROTOTYPE:
            return "not a stream socket";
        case ENAMETOOLONG:
            return "the path is too long";
        default:
            return nullptr;
    }
}

/// A connected socket, or a negative errno.
long connect(const char* path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    auto size = strlen(path);
    if (size >= sizeof address.sun_path) return -ENAMETOOLONG;
    memcpy(address.sun_path, path, size);
    auto made = sys::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made < 0) return made;
    auto result = sys::connect(static_cast<int>(made), &address, sizeof address);
    return result < 0 ? result : made;
}

}  // namespace

int dial(const char* path) {
    auto connected = connect(path);
    if (connected < 0) {
        Text<192> what;
        what << "cannot connect to " << path << ": ";
        if (const auto* reason = describe(connected); reason != nullptr)
            what << reason;
        else
            what << describe_error(connected).c_str();
        report_error("dial", what.c_str());
        return 1;
    }
    auto socket = static_cast<int>(connected);
    sys::signal_action(SIGPIPE, SIG_IGN);
    Flow input(0, socket);
    Flow output(socket, 1);
    while (!output.ended()) {
        bool had_input = !input.ended();
        pollfd entries[] = {input.waits_for(), output.waits_for()};
        if (sys::poll(entries, 2, nullptr) <= 0) continue;
        if (entries[0].revents != 0) input.move();
        if (entries[1].revents != 0) output.move();
        if (had_input && input.ended()) sys::shutdown(socket, SHUT_WR);
    }
    return output.refused() ? 1 : 0;
}

}  // namespace charioteer::agent
