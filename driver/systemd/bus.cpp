#include "systemd/bus.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "io/unique_fd.hpp"

namespace charioteer::systemd {

namespace {

/// The number of messages of one peer that are handled before other handlers run.
constexpr int most_at_once = 64;
/// Means no time limit to sd-bus.
constexpr std::uint64_t no_limit = UINT64_MAX;

void expect_done(int outcome, std::string_view what) {
    if (outcome < 0) throw io::system_error(what, -outcome);
}

/// Why sd-bus ended the connection.
std::string reason_of(int code) {
    switch (code) {
        case ENOTCONN:
        case ECONNRESET:
        case EPIPE:
        case ESHUTDOWN:
            return "systemd closed the connection";
        case EPERM:
            return "systemd refused to authenticate the driver";
        case EBADMSG:
        case EPROTO:
            return "systemd's socket sent bytes that are not D-Bus";
        default:
            return fmt::format("the connection to systemd failed: {}", std::strerror(code));
    }
}

}  // namespace

CallError::CallError(std::string_view member, std::string kind, std::string_view description)
    : io::Error(fmt::format("systemd refused {}: {} ({})", member, description, kind)),
      kind_(std::move(kind)) {}

Bus::Bus(io::UnixStream stream, Signal on_signal)
    : stream_(std::move(stream)),
      on_signal_(std::move(on_signal)),
      received_(stream_.get_executor()) {}

std::shared_ptr<Bus> Bus::start(io::UnixStream stream, Signal on_signal) {
    std::shared_ptr<Bus> self(new Bus(std::move(stream), std::move(on_signal)));
    constexpr std::string_view what = "connecting to systemd";
    sd_bus* made = nullptr;
    expect_done(sd_bus_new(&made), what);
    self->bus_.reset(made);
    // sd-bus closes the descriptor that it gets, so it gets a copy; Asio waits on the original.
    io::UniqueFd own(::fcntl(self->stream_.native_handle(), F_DUPFD_CLOEXEC, 3));
    if (!own) throw io::system_error(what, errno);
    expect_done(sd_bus_set_fd(made, own.get(), own.get()), what);
    own.release();
    // A direct connection has no bus, and so no Hello().
    expect_done(sd_bus_set_bus_client(made, 0), what);
    expect_done(sd_bus_negotiate_fds(made, 0), what);
    expect_done(sd_bus_add_filter(made, nullptr, refuse_call, nullptr), what);
    auto started = sd_bus_start(made);
    if (started < 0) throw io::ConnectionLost(reason_of(-started));
    self->attend();
    return self;
}

int Bus::refuse_call(sd_bus_message* message, void*, sd_bus_error*) {
    // By default sd-bus would reply with the host's machine id, and queue replies for a peer that
    // does not read.
    return sd_bus_message_is_method_call(message, nullptr, nullptr) > 0 ? 1 : 0;
}

int Bus::handle_reply(sd_bus_message* message, void* reply, sd_bus_error*) {
    // At the end of the connection, sd-bus generates a reply for each pending call.
    if (sd_bus_is_open(sd_bus_message_get_bus(message)) > 0)
        *static_cast<Message*>(reply) = Message(sd_bus_message_ref(message));
    return 1;
}

void Bus::attend() {
    int budget = most_at_once;
    try {
        while (!lost_ && budget > 0 && step()) --budget;
    } catch (const std::exception& error) {
        end(error.what());
    }
    if (budget < most_at_once) received_.notify_all();
    if (lost_) return;
    if (budget > 0) {
        arm();
    } else if (!awaited_.turn) {
        awaited_.turn = true;
        asio::post(stream_.get_executor(), [self = shared_from_this()] {
            self->awaited_.turn = false;
            if (!self->lost_) self->attend();
        });
    }
}

bool Bus::step() {
    sd_bus_message* came = nullptr;
    auto outcome = sd_bus_process(bus_.get(), &came);
    Message message(came);
    if (outcome < 0) {
        end(reason_of(-outcome));
        return false;
    }
    if (message) on_signal_(message);
    return outcome > 0;
}

void Bus::arm() {
    auto events = sd_bus_get_events(bus_.get());
    if (events < 0) return end(reason_of(-events));
    if ((events & POLLIN) != 0) await_stream(io::UnixStream::wait_read, &Awaited::read);
    if ((events & POLLOUT) != 0) await_stream(io::UnixStream::wait_write, &Awaited::write);
}

void Bus::await_stream(io::UnixStream::wait_type event, bool Awaited::*awaited) {
    if (std::exchange(awaited_.*awaited, true)) return;
    stream_.async_wait(event, [self = shared_from_this(), awaited](boost::system::error_code) {
        self->awaited_.*awaited = false;
        if (!self->lost_) self->attend();
    });
}

Message Bus::request(const Method& method) const {
    expect_connection();
    sd_bus_message* made = nullptr;
    auto outcome = sd_bus_message_new_method_call(bus_.get(), &made, nullptr, method.path,
                                                  method.interface, method.member);
    expect_done(outcome, fmt::format("calling systemd's {}", method.member));
    return Message(made);
}

asio::awaitable<Message> Bus::call(Message request) {
    auto self = shared_from_this();
    expect_connection();
    std::string member = sd_bus_message_get_member(request.get());
    Message reply;
    sd_bus_slot* made = nullptr;
    auto outcome =
        sd_bus_call_async(bus_.get(), &made, request.get(), handle_reply, &reply, no_limit);
    // Destroyed before `reply`, so that `reply` is not written to later.
    Slot slot(made);
    if (outcome < 0)
        end(reason_of(-outcome));
    else
        arm();
    while (!reply) co_await received();
    if (auto kind = reply.error_name(); !kind.empty())
        throw CallError(member, std::string(kind), reply.error_text());
    co_return reply;
}

asio::awaitable<void> Bus::received() {
    auto self = shared_from_this();
    expect_connection();
    co_await received_.wait();
}

void Bus::end(std::string why) {
    if (lost_) return;
    lost_ = std::move(why);
    sd_bus_close(bus_.get());
    boost::system::error_code ignored;
    stream_.close(ignored);
    received_.notify_all();
}

void Bus::expect_connection() const {
    if (lost_) throw io::ConnectionLost(*lost_);
}

}  // namespace charioteer::systemd
