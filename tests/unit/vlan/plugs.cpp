#include "plugs.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <atomic>
#include <cstring>
#include <stdexcept>

#include "vlan/sockets.hpp"

namespace charioteer::vlan::fakes {

namespace {

constexpr timeval receive_limit{20, 0};

void limit_reads(int socket) {
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &receive_limit, sizeof receive_limit);
}

void read_exactly(int socket, void* buffer, std::size_t size) {
    if (::recv(socket, buffer, size, MSG_WAITALL) != static_cast<ssize_t>(size))
        throw std::runtime_error("the switch sent nothing, or not enough");
}

std::string address(Station station) {
    if (station.number == broadcast.number) return std::string(6, '\xff');
    return std::string("\x52\x54\0\x12\x01", 5) + static_cast<char>(station.number);
}

}  // namespace

std::string frame(Station from, Station to, const std::string& text, int ethertype) {
    auto result = address(to) + address(from);
    result += static_cast<char>(ethertype >> 8);
    result += static_cast<char>(ethertype & 0xff);
    return result + text;
}

std::string vde_request(const std::string& path) {
    std::uint32_t words[] = {0xfeedface, 3, 0};
    sockaddr_un plug{};
    plug.sun_family = AF_UNIX;
    std::memcpy(plug.sun_path, path.data(), std::min(path.size(), sizeof plug.sun_path));
    return std::string(reinterpret_cast<char*>(words), sizeof words) +
           std::string(reinterpret_cast<char*>(&plug), sizeof plug);
}

io::UniqueFd connect_to(const std::filesystem::path& path) {
    io::UniqueFd made(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    limit_reads(made.get());
    auto target = address_of(path);
    if (::connect(made.get(), reinterpret_cast<sockaddr*>(&target), sizeof target) != 0)
        throw std::runtime_error("cannot connect to " + path.native());
    return made;
}

bool send_all(int socket, std::string_view bytes) {
    auto sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return sent == static_cast<ssize_t>(bytes.size());
}

bool is_closed_by_peer(int socket) {
    char buffer[4096];
    ssize_t length;
    do length = ::recv(socket, buffer, sizeof buffer, 0);
    while (length > 0);
    return length == 0 || errno == ECONNRESET;
}

FakeVdePlug::FakeVdePlug(const std::filesystem::path& control_directory)
    : control_(connect_to(control_directory / "ctl")),
      data_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    static std::atomic<int> counter = 0;
    own_path_ = control_directory / ("." + std::to_string(counter++) + "-plug");
    limit_reads(data_.get());
    auto own = address_of(own_path_);
    ::bind(data_.get(), reinterpret_cast<sockaddr*>(&own), sizeof own);
    send_all(control_.get(), vde_request(own_path_.native()) + "fake plug");
    sockaddr_un peer{};
    read_exactly(control_.get(), &peer, sizeof peer);
    data_path_ = peer.sun_path;
    if (::connect(data_.get(), reinterpret_cast<sockaddr*>(&peer), sizeof peer) != 0)
        throw std::runtime_error("cannot connect to the switch's data socket");
}

FakeVdePlug::~FakeVdePlug() {
    std::error_code ignored;
    std::filesystem::remove(own_path_, ignored);
}

bool FakeVdePlug::send(const std::string& frame) {
    return send_all(data_.get(), frame);
}

std::string FakeVdePlug::receive() {
    std::string buffer(max_frame_size, '\0');
    auto length = ::recv(data_.get(), buffer.data(), buffer.size(), 0);
    if (length < 0) throw std::runtime_error("no frame within 20 s");
    buffer.resize(static_cast<std::size_t>(length));
    return buffer;
}

bool FakeStreamPlug::send(const std::string& frame) {
    std::string wire(length_size, '\0');
    write_length(reinterpret_cast<std::byte*>(wire.data()), frame.size());
    return send_all(socket_.get(), wire + frame);
}

std::string FakeStreamPlug::receive() {
    std::array<std::byte, length_size> prefix;
    read_exactly(socket_.get(), prefix.data(), prefix.size());
    std::string buffer(read_length(prefix.data()), '\0');
    read_exactly(socket_.get(), buffer.data(), buffer.size());
    return buffer;
}

TemporaryDirectory::TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "vlan-test.XXXXXX").native();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
    path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

io::EventSink EventLog::sink() {
    return [this](const io::Event& event) {
        std::lock_guard lock(mutex_);
        if (event.kind == io::EventKind::warning) warnings_.push_back(event.text);
    };
}

std::vector<std::string> EventLog::warnings() const {
    std::lock_guard lock(mutex_);
    return warnings_;
}

std::unique_ptr<FakePlug> attach(Kind kind, const Vlan& vlan, FakePlug& witness) {
    if (kind == Kind::vde) return std::make_unique<FakeVdePlug>(vlan.control_directory());
    auto plug = std::make_unique<FakeStreamPlug>(vlan.stream_path());
    auto hello = frame({0xee}, broadcast, "attached");
    plug->send(hello);
    EXPECT_EQ(witness.receive(), hello);
    return plug;
}

}  // namespace charioteer::vlan::fakes
