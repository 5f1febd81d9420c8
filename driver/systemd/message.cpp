#include "systemd/message.hpp"

#include <fmt/format.h>

#include <cstring>

namespace charioteer::systemd {

namespace {

std::string_view text_or_empty(const char* text) {
    return text == nullptr ? std::string_view() : std::string_view(text);
}

/// sd-bus's functions return a negative errno value, or 0 if there is nothing left to read.
void expect_read(int outcome, std::string_view what) {
    if (outcome > 0) return;
    throw MalformedMessage(fmt::format("a D-Bus message lacks {}: {}", what,
                                       outcome == 0 ? "it is too short" : std::strerror(-outcome)));
}

}  // namespace

bool Message::is_signal(const char* interface, const char* member) const {
    return sd_bus_message_is_signal(message_.get(), interface, member) > 0;
}

std::string_view Message::path() const {
    return text_or_empty(sd_bus_message_get_path(message_.get()));
}

std::string_view Message::error_name() const {
    const auto* error = sd_bus_message_get_error(message_.get());
    return error == nullptr ? std::string_view() : text_or_empty(error->name);
}

std::string_view Message::error_text() const {
    const auto* error = sd_bus_message_get_error(message_.get());
    return error == nullptr ? std::string_view() : text_or_empty(error->message);
}

void Message::append(const std::string& text) {
    auto outcome = sd_bus_message_append_basic(message_.get(), SD_BUS_TYPE_STRING, text.c_str());
    if (outcome < 0)
        throw io::UsageError(
            fmt::format("\"{}\" cannot be sent over D-Bus: {}", text, std::strerror(-outcome)));
}

const char* Message::read_text(char type) {
    const char* text = nullptr;
    expect_read(sd_bus_message_read_basic(message_.get(), type, &text), "a string");
    return text;
}

std::string Message::read_string() {
    return read_text(SD_BUS_TYPE_STRING);
}

std::string Message::read_object_path() {
    return read_text(SD_BUS_TYPE_OBJECT_PATH);
}

std::uint32_t Message::read_number() {
    std::uint32_t number = 0;
    expect_read(sd_bus_message_read_basic(message_.get(), SD_BUS_TYPE_UINT32, &number), "a number");
    return number;
}

std::string Message::read_string_in_variant() {
    enter(SD_BUS_TYPE_VARIANT, "s");
    auto text = read_string();
    leave();
    return text;
}

void Message::enter(char type, const char* contents) {
    expect_read(sd_bus_message_enter_container(message_.get(), type, contents), contents);
}

void Message::enter_array(const char* contents) {
    enter(SD_BUS_TYPE_ARRAY, contents);
}

void Message::enter_struct(const char* contents) {
    enter(SD_BUS_TYPE_STRUCT, contents);
}

void Message::enter_entry(const char* contents) {
    enter(SD_BUS_TYPE_DICT_ENTRY, contents);
}

void Message::skip(const char* contents) {
    expect_read(sd_bus_message_skip(message_.get(), contents), contents);
}

void Message::leave() {
    auto outcome = sd_bus_message_exit_container(message_.get());
    if (outcome < 0) expect_read(outcome, "the end of a container");
}

bool Message::at_end() {
    auto outcome = sd_bus_message_at_end(message_.get(), /*complete=*/0);
    if (outcome < 0) expect_read(outcome, "an end");
    return outcome > 0;
}

}  // namespace charioteer::systemd
