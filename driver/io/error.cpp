#include "io/error.hpp"

#include <fmt/format.h>

#include <system_error>

namespace charioteer::io {

Error::Error(std::string message) : text_(std::move(message)) {}

void Error::add_context(std::string_view frame) {
    text_ = fmt::format("{}: {}", frame, text_);
}

void Error::add_note(std::string note) {
    notes_.push_back(std::move(note));
}

Error system_error(std::string_view what, int code) {
    return Error(fmt::format("{}: {}", what, std::system_category().message(code)));
}

}  // namespace charioteer::io
