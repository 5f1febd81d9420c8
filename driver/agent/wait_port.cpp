#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "agent/error_output.hpp"
#include "agent/poll_until.hpp"
#include "agent/waits.hpp"

namespace charioteer::agent {

namespace {

constexpr unsigned state_listening = 10;

/// The sockets that listen on a port. They are queried by netlink, for which the kernel searches
/// only listening sockets; for the tables in /proc it iterates over hundreds of thousands of hash
/// buckets. The tables are for kernels without that query.
class Listeners {
public:
    explicit Listeners(unsigned port) : port_(port) {
        channel_ =
            static_cast<int>(sys::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    }

    Answer any() {
        if (channel_ >= 0) {
            auto answer = both(ask(AF_INET), [this] { return ask(AF_INET6); });
            if (answer != Answer::unknown) return answer;
            // Each further query would make the kernel search the missing module again.
            sys::close(channel_);
            channel_ = -1;
        }
        // Without IPv6 the second table is missing.
        return both(read("/proc/net/tcp"), [this] {
            return read("/proc/net/tcp6") == Answer::yes ? Answer::yes : Answer::no;
        });
    }

private:
    template <class Other>
    static Answer both(Answer one, Other other) {
        return one == Answer::no ? other() : one;
    }

    Answer ask(unsigned char family) const {
        struct {
            nlmsghdr header;
            inet_diag_req_v2 request;
        } question{};
        question.header.nlmsg_len = sizeof question;
        question.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
        question.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
        question.request.sdiag_family = family;
        question.request.sdiag_protocol = IPPROTO_TCP;
        question.request.idiag_states = 1U << state_listening;
        question.request.id.idiag_sport = __builtin_bswap16(static_cast<uint16_t>(port_));
        if (sys::write(channel_, &question, sizeof question) < 0) return Answer::unknown;
        auto answer = Answer::no;
        for (;;) {
            alignas(nlmsghdr) char room[8192];
            auto got = sys::read(channel_, room, sizeof room);
            if (got <= 0) return Answer::unknown;
            for (long at = 0; at + static_cast<long>(sizeof(nlmsghdr)) <= got;) {
                const auto* header = reinterpret_cast<const nlmsghdr*>(room + at);
                if (header->nlmsg_type == NLMSG_ERROR) return Answer::unknown;
                if (header->nlmsg_type == NLMSG_DONE) return answer;
                answer = Answer::yes;
                at += NLMSG_ALIGN(header->nlmsg_len);
            }
        }
    }

    /// "0: 0100007F:1F90 00000000:0000 0A ...": the state is the fourth field, and listening
    /// sockets come first.
    Answer read(const char* path) const {
        char port[] = ":0000 ";
        for (int digit = 0; digit < 4; ++digit)
            port[4 - digit] = "0123456789ABCDEF"[port_ >> (4 * digit) & 15];
        bool found = false;
        bool readable = read_table(path, [&](const char* line) {
            if (!starts_with(field(line, 3), "0A ")) return true;
            const auto* address = field(line, 1);
            while (*address != ':' && *address != '\0') ++address;
            return found = starts_with(address, port);
        });
        if (!readable) return Answer::unknown;
        return found ? Answer::yes : Answer::no;
    }

    unsigned port_;
    int channel_;
};

}  // namespace

int wait_port(const char* const* words) {
    const char* end = nullptr;
    auto port = parse_number(words[0], 10, &end);
    bool open = same(words[1], "open");
    if (*end != '\0' || port == 0 || port > 65535 || (!open && !same(words[1], "closed"))) {
        report_error("wait-port", "expected the number of a port, and open or closed");
        return usage_error;
    }
    Listeners listeners(static_cast<unsigned>(port));
    auto status = poll_until(open ? Answer::yes : Answer::no, [&] { return listeners.any(); });
    if (status == unknown_result) report_error("wait-port", "cannot read /proc/net/tcp");
    return status;
}

}  // namespace charioteer::agent
