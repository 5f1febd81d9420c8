#include "plug.hpp"

extern "C" {
#include <libvdeplug.h>
}
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "io/unique_fd.hpp"
#include "vlan/sockets.hpp"
#include "vlan/stream.hpp"

namespace bench {

namespace {

using namespace charioteer;

std::runtime_error failure(const std::string& what) {
    return std::runtime_error(what + ": " + std::strerror(errno));
}

class VdePlug : public Plug {
public:
    explicit VdePlug(std::string directory)
        : connection_(vde_open(directory.data(), const_cast<char*>("bench"), nullptr)) {
        if (connection_ == nullptr) throw failure("attaching to " + directory);
    }
    ~VdePlug() override { vde_close(connection_); }
    VdePlug(const VdePlug&) = delete;
    VdePlug& operator=(const VdePlug&) = delete;

    void send(std::span<const std::byte> frame) override {
        if (vde_send(connection_, frame.data(), frame.size(), 0) < 0) throw failure("sending");
    }
    std::size_t receive() override {
        if (vde_recv(connection_, buffer_.data(), buffer_.size(), 0) <= 0)
            throw failure("receiving");
        return 1;
    }

private:
    VDECONN* connection_;
    std::array<std::byte, VDE_ETHBUFSIZE> buffer_;
};

class StreamPlug : public Plug {
public:
    explicit StreamPlug(const std::string& path)
        : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        auto address = vlan::address_of(path);
        if (::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            throw failure("connecting to " + path);
    }

    void send(std::span<const std::byte> frame) override {
        std::array<std::byte, vlan::length_size> length;
        vlan::write_length(length.data(), frame.size());
        iovec pieces[2] = {{length.data(), length.size()},
                           {const_cast<std::byte*>(frame.data()), frame.size()}};
        auto sent = ::writev(socket_.get(), pieces, 2);
        // A blocking stream socket accepts all bytes, unless it has failed.
        if (sent != static_cast<ssize_t>(length.size() + frame.size())) throw failure("sending");
    }
    std::size_t receive() override {
        frames_.clear();
        while (frames_.empty()) {
            // The size of QEMU's buffer for a stream netdev.
            auto buffer = decoder_.room().first(vlan::max_frame_size);
            auto length = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
            if (length <= 0) throw failure("receiving");
            decoder_.received(static_cast<std::size_t>(length));
            decoder_.decode(frames_);
        }
        return frames_.size();
    }

private:
    io::UniqueFd socket_;
    vlan::StreamDecoder decoder_;
    std::vector<vlan::Frame> frames_;
};

}  // namespace

Frame make_frame(const Mac& destination, const Mac& source, std::size_t size) {
    Frame frame(size);
    std::copy(destination.begin(), destination.end(), frame.begin());
    std::copy(source.begin(), source.end(), frame.begin() + 6);
    frame[12] = std::byte{0x88};
    frame[13] = std::byte{0xb5};
    return frame;
}

std::unique_ptr<Plug> make_plug(const std::string& kind, const std::string& address) {
    if (kind == "vde") return std::make_unique<VdePlug>(address);
    if (kind == "stream") return std::make_unique<StreamPlug>(address);
    throw std::runtime_error("no such kind of plug: " + kind);
}

}  // namespace bench
