#include "roles.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <stdexcept>

#include "plug.hpp"

namespace bench {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto warm_up = 150ms;
constexpr auto window = 500ms;
constexpr std::size_t warm_up_rounds = 200;
constexpr std::size_t rounds = 2000;

constexpr Mac broadcast{std::byte{0xff}, std::byte{0xff}, std::byte{0xff},
                        std::byte{0xff}, std::byte{0xff}, std::byte{0xff}};
/// The active station sends and pings, the passive one receives and echoes.
constexpr Mac active{std::byte{0x02}, {}, {}, {}, {}, std::byte{0xaa}};
constexpr Mac passive{std::byte{0x02}, {}, {}, {}, {}, std::byte{0xbb}};

void print_line(const char* text) {
    std::puts(text);
    std::fflush(stdout);
}

[[noreturn]] void send_for_ever(Plug& plug, std::size_t size) {
    print_line("attached");
    auto frame = make_frame(passive, active, size);
    for (;;) plug.send(frame);
}

void receive_for_a_while(Plug& plug) {
    plug.send(make_frame(broadcast, passive, 64));
    print_line("attached");
    plug.receive();
    auto begin = Clock::now() + warm_up;
    while (Clock::now() < begin) plug.receive();
    begin = Clock::now();
    std::size_t frames = 0;
    auto now = begin;
    while (now - begin < window) {
        // Not for every frame: reading the clock takes a considerable part of the time of receiving
        // one.
        for (int i = 0; i < 16; ++i) frames += plug.receive();
        now = Clock::now();
    }
    auto seconds = std::chrono::duration<double>(now - begin).count();
    std::printf("%.1f\n", static_cast<double>(frames) / seconds);
}

[[noreturn]] void discard_for_ever(Plug& plug) {
    print_line("attached");
    for (;;) plug.receive();
}

[[noreturn]] void echo_for_ever(Plug& plug, std::size_t size) {
    plug.send(make_frame(broadcast, passive, 64));
    print_line("attached");
    auto reply = make_frame(active, passive, size);
    for (;;) {
        plug.receive();
        plug.send(reply);
    }
}

void ping(Plug& plug, std::size_t size) {
    print_line("attached");
    auto request = make_frame(passive, active, size);
    std::vector<double> times;
    for (std::size_t i = 0; i < warm_up_rounds + rounds; ++i) {
        auto begin = Clock::now();
        plug.send(request);
        plug.receive();
        std::chrono::duration<double, std::micro> taken = Clock::now() - begin;
        if (i >= warm_up_rounds) times.push_back(taken.count());
    }
    std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
    std::printf("%.2f\n", times[rounds / 2]);
}

}  // namespace

void play(const Role& role) {
    auto plug = make_plug(role.kind, role.address);
    if (role.name == "send") send_for_ever(*plug, role.size);
    if (role.name == "receive") return receive_for_a_while(*plug);
    if (role.name == "discard") discard_for_ever(*plug);
    if (role.name == "echo") echo_for_ever(*plug, role.size);
    if (role.name == "ping") return ping(*plug, role.size);
    throw std::runtime_error("no such role: " + role.name);
}

}  // namespace bench
