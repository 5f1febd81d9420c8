// The guest's service manager is not trusted: for arbitrary replies and signals the connection
// returns results or ends with an error, and no operation waits after its end.

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <iterator>
#include <string>

#include "fuzz/input.hpp"
#include "io/error.hpp"
#include "systemd/manager.hpp"

using namespace charioteer;
using fuzz::require;
namespace asio = boost::asio;

namespace {

/// Encodes a D-Bus message, little endian.
class Wire {
public:
    void pad(std::size_t to) { bytes_.resize((bytes_.size() + to - 1) / to * to); }
    void byte(unsigned value) { bytes_ += static_cast<char>(value); }
    void number(std::size_t value) {
        pad(4);
        for (int shift = 0; shift < 32; shift += 8) byte(value >> shift & 0xff);
    }
    void text(std::string_view value) {
        number(value.size());
        bytes_.append(value) += '\0';
    }
    void signature(std::string_view value) {
        byte(static_cast<unsigned>(value.size()));
        bytes_.append(value) += '\0';
    }
    void raw(std::string_view value) { bytes_ += value; }
    const std::string& bytes() const { return bytes_; }

private:
    std::string bytes_;
};

constexpr std::string_view members[] = {"PropertiesChanged", "UnitNew", "JobRemoved", "Reloading"};
constexpr std::string_view interfaces[] = {
    "org.freedesktop.DBus.Properties", "org.freedesktop.systemd1.Manager",
    "org.freedesktop.systemd1.Unit", "org.freedesktop.DBus.Local"};
constexpr std::string_view errors[] = {"org.freedesktop.systemd1.NoSuchUnit", "a.b"};
constexpr std::string_view paths[] = {"/u", "/org/freedesktop/systemd1",
                                      "/org/freedesktop/systemd1/unit/web_2eservice",
                                      "/org/freedesktop/systemd1/unit/_"};
constexpr std::string_view names[] = {"ActiveState", "SubState", "Id"};
constexpr std::string_view signature_of_properties = "sa{sv}as";
/// Signatures that systemd sends, and others.
constexpr std::string_view signatures[] = {
    "",   "s", "o",   "so", "uos", "v", "u", "b", "a(usssoo)", "a", signature_of_properties,
    "vv", "h", "a(u)"};
constexpr std::string_view texts[] = {"active", "inactive", "org.freedesktop.systemd1.Unit", "/u"};

template <std::size_t n>
std::string_view pick(const std::string_view (&from)[n], fuzz::Input& input) {
    return from[input.byte() % n];
}

/// The body of a PropertiesChanged signal, with up to three properties.
std::string properties(fuzz::Input& input) {
    Wire entries;
    for (auto count = input.byte() % 4; count > 0; --count) {
        entries.pad(8);
        entries.text(pick(names, input));
        entries.signature(input.byte() % 8 == 0 ? "u" : "s");
        entries.text(pick(texts, input));
    }
    Wire wire;
    wire.text(pick(texts, input));
    wire.number(entries.bytes().size());
    wire.pad(8);
    wire.raw(entries.bytes());
    wire.number(0);
    return wire.bytes();
}

/// Values for the basic types of `signature`, or arbitrary bytes.
std::string body(std::string_view signature, fuzz::Input& input) {
    Wire wire;
    if (input.byte() % 8 == 0) {
        wire.raw(input.text(input.byte()));
        return wire.bytes();
    }
    if (signature == signature_of_properties) return properties(input);
    for (char type : signature) {
        if (type == 'u' || type == 'b' || type == 'h') wire.number(input.byte());
        if (type == 's' || type == 'o') wire.text(pick(texts, input));
        if (type == 'v') {
            wire.signature("s");
            wire.text(pick(texts, input));
        }
        if (type == 'a') wire.number(input.byte() % 2 == 0 ? 0 : input.byte());
        if (type == '(') wire.pad(8);
    }
    return wire.bytes();
}

void put_field(Wire& fields, unsigned code, std::string_view type, std::string_view value) {
    fields.pad(8);
    fields.byte(code);
    fields.signature(type);
    if (type == "g")
        fields.signature(value);
    else
        fields.text(value);
}

/// A signal, a reply, an error, or a call. Most replies belong to the oldest unanswered call.
std::string message(fuzz::Input& input, unsigned serial, unsigned& answered) {
    auto type = 1 + input.byte() % 4U;
    auto signature = pick(signatures, input);
    auto content = body(signature, input);
    Wire fields;
    if (type == 1 || type == 4) {
        put_field(fields, 1, "o", pick(paths, input));
        put_field(fields, 2, "s", pick(interfaces, input));
        put_field(fields, 3, "s", pick(members, input));
    }
    if (type == 3) put_field(fields, 4, "s", pick(errors, input));
    if (type == 2 || type == 3) {
        fields.pad(8);
        fields.byte(5);
        fields.signature("u");
        auto choice = input.byte();
        fields.number(choice % 8 == 0 ? choice / 8U : ++answered);
    }
    if (!signature.empty()) put_field(fields, 8, "g", signature);
    Wire wire;
    wire.byte('l');
    wire.byte(type);
    wire.byte(0);
    wire.byte(1);
    wire.number(content.size());
    wire.number(serial);
    wire.number(fields.bytes().size());
    wire.raw(fields.bytes());
    wire.pad(8);
    wire.raw(content);
    return wire.bytes();
}

asio::awaitable<void> use(io::UnixStream stream) {
    auto never = io::Deadline::never();
    try {
        auto manager = co_await systemd::Manager::open(
            std::move(stream),
            [](const auto& change) { require(!change.unit.empty() && !change.active.empty()); },
            never);
        for (;;) {
            auto state = co_await manager->unit_state("web.service", never);
            require(state.unit == "web.service");
            co_await manager->changed(state, never);
        }
    } catch (const io::Error&) {
        co_return;
    }
}

void rethrow(const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    asio::io_context context;
    int ends[2];
    require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    io::UnixStream stream(context, asio::local::stream_protocol(), ends[0]);
    asio::co_spawn(context, use(std::move(stream)), rethrow);
    auto send = [&](std::string_view bytes) {
        // Fails after the driver has closed the connection.
        static_cast<void>(::send(ends[1], bytes.data(), bytes.size(), MSG_NOSIGNAL));
        context.poll();
    };
    context.poll();
    send("DATA\r\nOK 00000000000000000000000000000001\r\n");
    unsigned answered = 0;
    for (unsigned serial = 1; !input.empty(); ++serial)
        send(input.byte() % 16 == 0 ? std::string(input.text(input.byte()))
                                    : message(input, serial, answered));
    ::close(ends[1]);
    context.restart();
    context.poll();
    require(context.stopped());
    return 0;
}
