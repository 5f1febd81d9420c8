#include "qmp/codec.hpp"

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

namespace charioteer::qmp {

namespace {

/// The longest line that is quoted in an error, in bytes.
constexpr std::size_t longest_quote = 200;

std::string text_of(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    if (value == nullptr || !value->is_string()) return {};
    return std::string(value->get_string());
}

/// {"QMP": {"version": {"qemu": {"major": 10, "minor": 0, "micro": 2}}}} -> "10.0.2"
std::string version_of(const json::value& greeting) {
    auto part = [&](std::string_view name) -> std::int64_t {
        boost::system::error_code failure;
        const auto* number =
            greeting.find_pointer(fmt::format("/QMP/version/qemu/{}", name), failure);
        return number == nullptr || !number->is_int64() ? 0 : number->get_int64();
    };
    return fmt::format("{}.{}.{}", part("major"), part("minor"), part("micro"));
}

Message parse(std::string_view line) {
    boost::system::error_code failure;
    auto message = json::parse(line, failure);
    if (failure || !message.is_object())
        throw io::Error(
            fmt::format("QEMU sent what is not QMP: {}", line.substr(0, longest_quote)));
    auto& object = message.get_object();
    if (object.contains("event")) return Event{std::move(object)};
    if (object.contains("QMP")) return Greeting{version_of(message)};
    Reply reply;
    const auto* id = object.if_contains("id");
    if (id != nullptr && id->is_int64()) reply.id = id->get_int64();
    reply.content = std::move(object);
    return reply;
}

}  // namespace

CommandError::CommandError(std::string_view command, std::string kind, std::string description)
    : io::Error(fmt::format("QEMU refused {}: {} ({})", command, description, kind)),
      kind_(std::move(kind)),
      description_(std::move(description)) {}

std::optional<Message> MessageReader::next() {
    while (auto line = lines_.next())
        if (line->find_first_not_of(" \t\r") != std::string::npos) return parse(*line);
    return std::nullopt;
}

std::string encode_command(std::int64_t id, std::string_view command, json::object arguments) {
    json::object request{{"execute", command}, {"id", id}};
    if (!arguments.empty()) request["arguments"] = std::move(arguments);
    return json::serialize(request) + "\n";
}

json::value result_of(std::string_view command, const Reply& reply) {
    if (const auto* error = reply.content.if_contains("error")) {
        const auto details = error->is_object() ? error->get_object() : json::object();
        throw CommandError(command, text_of(details, "class"), text_of(details, "desc"));
    }
    const auto* value = reply.content.if_contains("return");
    if (value == nullptr)
        throw io::Error(fmt::format("QEMU's answer to {} has no result: {}", command,
                                    json::serialize(reply.content).substr(0, longest_quote)));
    return *value;
}

}  // namespace charioteer::qmp
