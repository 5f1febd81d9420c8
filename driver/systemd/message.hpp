#pragma once

#include <systemd/sd-bus.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "io/error.hpp"

namespace charioteer::systemd {

/// A message with another signature than expected. The text names the missing part.
class MalformedMessage : public io::Error {
public:
    using Error::Error;
};

/// A D-Bus message, shared with sd-bus. Reading throws MalformedMessage. Io thread only.
class Message {
public:
    Message() = default;
    /// Takes ownership of one reference; null gives an empty Message.
    explicit Message(sd_bus_message* message) : message_(message) {}

    explicit operator bool() const noexcept { return message_ != nullptr; }
    sd_bus_message* get() const noexcept { return message_.get(); }

    bool is_signal(const char* interface, const char* member) const;
    std::string_view path() const;
    /// The name and the text if this is an error reply; otherwise both are empty.
    std::string_view error_name() const;
    std::string_view error_text() const;

    void append(const std::string& text);
    std::string read_string();
    std::string read_object_path();
    std::uint32_t read_number();
    /// The string in a variant.
    std::string read_string_in_variant();
    /// Enter and leave containers, among them entries of dictionaries, and skip elements.
    /// `contents` is the D-Bus signature of an element. at_end() is true after the last one.
    void enter_array(const char* contents);
    void enter_struct(const char* contents);
    void enter_entry(const char* contents);
    void skip(const char* contents);
    void leave();
    bool at_end();

private:
    struct Release {
        void operator()(sd_bus_message* message) const noexcept { sd_bus_message_unref(message); }
    };

    const char* read_text(char type);
    void enter(char type, const char* contents);

    std::unique_ptr<sd_bus_message, Release> message_;
};

}  // namespace charioteer::systemd
