#include "timing.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>

#include "io/time_source.hpp"
#include "vlan/sockets.hpp"
#include "vlan/stream.hpp"
#include "vlan/vlan.hpp"

namespace bench {

namespace {

using namespace charioteer;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::size_t frame_size = 1500;

/// A stream plug with frames from one station to another.
class Plug {
public:
    explicit Plug(const std::filesystem::path& path)
        : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        auto address = vlan::address_of(path);
        if (::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error("cannot connect to the segment");
    }
    void send() {
        std::string wire(vlan::length_size + frame_size, '\0');
        vlan::write_length(reinterpret_cast<std::byte*>(wire.data()), frame_size);
        wire.replace(vlan::length_size, 6, "\xff\xff\xff\xff\xff\xff");
        wire[vlan::length_size + 6] = 2;
        if (::send(socket_.get(), wire.data(), wire.size(), MSG_NOSIGNAL) < 0)
            throw std::runtime_error("cannot send a frame");
    }
    /// Blocks until there are frames; returns their number.
    std::size_t receive() {
        frames_.clear();
        while (frames_.empty()) {
            auto room = decoder_.room();
            auto length = ::recv(socket_.get(), room.data(), room.size(), 0);
            if (length <= 0) throw std::runtime_error("cannot receive a frame");
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

/// A segment with two plugs.
class Setup {
public:
    Setup() : directory_(make_directory()), vlan_(1, directory_, [](const io::Event&) {}) {
        while (vlan_.plugs(time_.deadline_after(20s)).size() < 2) std::this_thread::yield();
    }
    Setup(const Setup&) = delete;
    Setup& operator=(const Setup&) = delete;
    ~Setup() {
        vlan_.stop({});
        std::error_code ignored;
        std::filesystem::remove_all(directory_, ignored);
    }
    void add(vlan::fault::Kind kind) {
        vlan::fault::Spec spec;
        spec.name = "measured";
        spec.kind = kind;
        spec.links = {{"", ""}};
        vlan_.add_fault(std::move(spec), time_.deadline_after(20s));
    }
    Plug& sender() { return sender_; }
    Plug& receiver() { return receiver_; }

private:
    static std::filesystem::path make_directory() {
        std::string pattern = (std::filesystem::temp_directory_path() / "faults.XXXXXX").native();
        if (::mkdtemp(pattern.data()) == nullptr)
            throw std::runtime_error("no temporary directory");
        return pattern;
    }

    io::SteadyTime time_;
    std::filesystem::path directory_;
    vlan::Vlan vlan_;
    Plug sender_{vlan_.stream_path()};
    Plug receiver_{vlan_.stream_path()};
};

}  // namespace

std::vector<double> delay_errors(bool slow) {
    constexpr std::size_t frames = 2000;
    constexpr auto delay = 50ms;
    Setup setup;
    if (slow) setup.add(vlan::fault::Slow{delay, 0ms});
    std::vector<Clock::time_point> sent(frames);
    std::thread sender([&] {
        auto begin = Clock::now();
        for (std::size_t i = 0; i < frames; ++i) {
            std::this_thread::sleep_until(begin + i * 1ms);
            sent[i] = Clock::now();
            setup.sender().send();
        }
    });
    std::vector<Clock::time_point> received;
    while (received.size() < frames) {
        auto number = setup.receiver().receive();
        received.insert(received.end(), number, Clock::now());
    }
    sender.join();
    std::vector<double> errors;
    for (std::size_t i = 0; i < frames; ++i) {
        auto error = received[i] - sent[i] - (slow ? delay : 0ms);
        errors.push_back(std::chrono::duration<double, std::milli>(error).count());
    }
    return errors;
}

double measured_rate(double megabits) {
    constexpr auto duration = 3s;
    Setup setup;
    setup.add(vlan::fault::Rate{megabits * 1e6});
    auto begin = Clock::now();
    std::thread sender([&] {
        auto interval = std::chrono::duration<double>(frame_size * 8 / (1.2 * megabits * 1e6));
        auto end = begin + duration + 100ms;
        for (std::size_t i = 0; Clock::now() < end; ++i) {
            std::this_thread::sleep_until(begin + std::chrono::duration_cast<Clock::duration>(
                                                      static_cast<double>(i) * interval));
            setup.sender().send();
        }
    });
    setup.receiver().receive();
    auto first = Clock::now();
    auto last = first;
    std::size_t frames = 0;
    while (last < begin + duration) {
        frames += setup.receiver().receive();
        last = Clock::now();
    }
    sender.join();
    auto seconds = std::chrono::duration<double>(last - first).count();
    return static_cast<double>(frames * frame_size * 8) / seconds / 1e6;
}

}  // namespace bench
