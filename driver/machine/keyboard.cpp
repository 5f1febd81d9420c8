#include "machine/keyboard.hpp"

#include <charconv>
#include <string_view>

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;

/// `sendkey` holds a key for 10 ms, and QEMU waits as long again after its release.
constexpr auto key_duration = 20ms;
constexpr auto read_limit = 2s;
constexpr auto poll_interval = 5ms;

/// Reads the status register of the keyboard controller (i8042), which changes nothing there.
constexpr auto read_status = "i /1b 0x64";
constexpr unsigned output_buffer_full = 0x01;
/// What QEMU reads from a port without a device.
constexpr unsigned no_device = 0xff;

/// Whether the keyboard holds codes that the guest has not read, from an answer to `read_status`:
/// "portb[0x0064] = 0x1d". False when there is no controller.
bool holds_codes(std::string_view answer) {
    constexpr std::string_view before_value = "= 0x";
    auto found = answer.find(before_value);
    if (found == std::string_view::npos) return false;
    answer.remove_prefix(found + before_value.size());
    unsigned status = 0;
    auto parsed = std::from_chars(answer.data(), answer.data() + answer.size(), status, 16);
    return parsed.ec == std::errc() && status != no_device && (status & output_buffer_full) != 0;
}

}  // namespace

asio::awaitable<std::string> Keyboard::press(std::string key) {
    co_await until_guest_has_read();
    auto printed = co_await monitor_("sendkey " + key);
    played_ = time_.now() + key_duration;
    co_return printed;
}

asio::awaitable<void> Keyboard::until_guest_has_read() {
    co_await time_.sleep_until(played_);
    auto deadline = time_.deadline_after(guest_reads_ ? read_limit : 0s);
    for (;;) {
        auto answer = co_await monitor_(read_status);
        guest_reads_ = !holds_codes(answer);
        if (guest_reads_ || deadline.passed(time_.now())) co_return;
        co_await time_.sleep_for(poll_interval);
    }
}

}  // namespace charioteer::machine
