#include "session/configuration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/parser.hpp>
#include <boost/json/value.hpp>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>

#include "io/error.hpp"

namespace charioteer::session {

namespace {

namespace json = boost::json;

std::string_view kind_name(const json::value& value) {
    switch (value.kind()) {
        case json::kind::null:
            return "null";
        case json::kind::bool_:
            return "a boolean";
        case json::kind::string:
            return "a string";
        case json::kind::array:
            return "a list";
        case json::kind::object:
            return "an object";
        default:
            return "a number";
    }
}

/// The seconds of an ISO 8601 duration of days and smaller parts, "P1DT2H30M0.5S".
std::optional<double> parse_iso_duration(std::string_view text) {
    struct Part {
        char unit;
        double seconds;
    };
    constexpr std::array<Part, 4> parts{{{'D', 86400}, {'H', 3600}, {'M', 60}, {'S', 1}}};
    if (!text.starts_with('P')) return std::nullopt;
    text.remove_prefix(1);
    double total = 0;
    bool any = false;
    bool of_time = false;
    std::size_t next = 0;
    while (!text.empty()) {
        if (text.front() == 'T' && !of_time) {
            of_time = true;
            text.remove_prefix(1);
            continue;
        }
        double amount = 0;
        auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), amount,
                                              std::chars_format::fixed);
        auto used = static_cast<std::size_t>(end - text.data());
        if (failure != std::errc{} || amount < 0 || used == text.size()) return std::nullopt;
        while (next < parts.size() && parts.at(next).unit != text[used]) ++next;
        if (next == parts.size() || (next > 0) != of_time) return std::nullopt;
        total += amount * parts.at(next++).seconds;
        any = true;
        text.remove_prefix(used + 1);
    }
    return any ? std::optional(total) : std::nullopt;
}

/// Reads the values of one object; errors name their path.
class Reader {
public:
    Reader(const json::object& object, std::string where, const std::filesystem::path& file)
        : object_(object), where_(std::move(where)), file_(file) {}

    const json::value& get(std::string_view key, std::string_view expected) const {
        const auto* value = object_.if_contains(key);
        if (value == nullptr)
            throw io::UsageError(fmt::format("{}: {}{} is missing: expected {}", file_.string(),
                                             where_, key, expected));
        return *value;
    }

    std::string string(std::string_view key, std::string_view expected) const {
        const auto& value = get(key, expected);
        if (!value.is_string()) fail(key, expected, value);
        return std::string(value.get_string());
    }

    bool boolean(std::string_view key) const {
        const auto& value = get(key, "true or false");
        if (!value.is_bool()) fail(key, "true or false", value);
        return value.get_bool();
    }

    double seconds(std::string_view key) const {
        constexpr std::string_view expected =
            "a number of seconds, zero or more, or a duration as \"PT1H30M\"";
        const auto& value = get(key, expected);
        if (value.is_string()) {
            if (auto parsed = parse_iso_duration(value.get_string())) return *parsed;
            fail(key, expected, value);
        }
        auto seconds = value.is_number() ? value.to_number<double>() : -1;
        if (seconds < 0 || !std::isfinite(seconds)) fail(key, expected, value);
        return seconds;
    }

    Configuration::Scripts scripts(std::string_view key) const {
        constexpr std::string_view expected = "an object of machine names";
        const auto& value = get(key, expected);
        if (!value.is_object()) fail(key, expected, value);
        Configuration::Scripts scripts;
        for (const auto& [name, entry] : value.get_object()) {
            auto path = fmt::format("{}.{}", key, std::string_view(name));
            if (!entry.is_object()) fail(path, "an object with start_script", entry);
            Reader machine(entry.get_object(), path + ".", file_);
            scripts.emplace_back(name, machine.string("start_script", "the path of a program"));
        }
        return scripts;
    }

    /// Empty if it is missing.
    std::map<std::string, Configuration::Scripts> texts_by_vlan(std::string_view key) const {
        constexpr std::string_view expected = "an object of objects with strings";
        std::map<std::string, Configuration::Scripts> found;
        if (!object_.contains(key)) return found;
        const auto& value = get(key, expected);
        if (!value.is_object()) fail(key, expected, value);
        for (const auto& [vlan, entry] : value.get_object()) {
            auto& texts = found[vlan];
            if (!entry.is_object()) fail(key, expected, entry);
            for (const auto& [name, text] : entry.get_object()) {
                if (!text.is_string()) fail(key, expected, text);
                texts.emplace_back(name, text.get_string());
            }
        }
        return found;
    }

    std::vector<int> numbers(std::string_view key, std::string_view expected) const {
        const auto& value = get(key, expected);
        if (!value.is_array()) fail(key, expected, value);
        std::vector<int> numbers;
        for (const auto& entry : value.get_array()) {
            const auto* number = entry.if_int64();
            if (number == nullptr || *number < 0 || *number > std::numeric_limits<int>::max())
                fail(fmt::format("{}[{}]", key, numbers.size()), "a number, zero or more", entry);
            numbers.push_back(static_cast<int>(*number));
        }
        return numbers;
    }

private:
    [[noreturn]] void fail(std::string_view key, std::string_view expected,
                           const json::value& found) const {
        throw io::UsageError(fmt::format("{}: {}{}: expected {}, found {}", file_.string(), where_,
                                         key, expected, kind_name(found)));
    }

    const json::object& object_;
    std::string where_;
    const std::filesystem::path& file_;
};

/// Whether the file has values that nixpkgs writes only since 26.11: displays of machines, and a
/// limit that is not a number.
bool has_keys_of_26_11(const json::object& document) {
    constexpr std::array<std::string_view, 3> keys{"vnc", "display_targets", "display_exporters"};
    for (std::string_view kind : {"vms", "containers"})
        for (const auto& [name, machine] : document.at(kind).as_object())
            for (auto key : keys)
                if (machine.as_object().contains(key)) return true;
    return document.contains("display_viewers") || document.at("global_timeout").is_string();
}

json::value parse_json(std::string_view text, const std::filesystem::path& file) {
    json::parser parser;
    boost::system::error_code failure;
    auto good = parser.write_some(text.data(), text.size(), failure);
    if (!failure && good < text.size() &&
        text.find_first_not_of(" \t\r\n", good) != std::string_view::npos)
        failure = json::error::extra_data;
    if (!failure) return parser.release();
    auto before = text.substr(0, good);
    throw io::UsageError(fmt::format("{}: not JSON: {} in line {}", file.string(),
                                     failure.message(),
                                     1 + std::count(before.begin(), before.end(), '\n')));
}

}  // namespace

Configuration parse_configuration(std::string_view text, const std::filesystem::path& file) {
    auto document = parse_json(text, file);
    if (!document.is_object())
        throw io::UsageError(
            fmt::format("{}: expected an object, found {}", file.string(), kind_name(document)));
    Reader reader(document.get_object(), "", file);
    Configuration configuration;
    configuration.vms = reader.scripts("vms");
    configuration.containers = reader.scripts("containers");
    configuration.container_addresses = reader.texts_by_vlan("container_addresses");
    configuration.vlans = reader.numbers("vlans", "a list of VLAN numbers");
    configuration.global_timeout = reader.seconds("global_timeout");
    configuration.enable_ssh_backdoor = reader.boolean("enable_ssh_backdoor");
    configuration.test_script = reader.string("test_script", "the path of the test script");
    configuration.is_of_26_11 = has_keys_of_26_11(document.get_object());
    return configuration;
}

Configuration load_configuration(const std::filesystem::path& file) {
    std::ifstream input(file, std::ios::binary);
    std::stringstream text;
    // A folder can be opened, and fails only when it is read; inserting an empty file fails, too.
    if (input.peek() != std::ifstream::traits_type::eof()) text << input.rdbuf();
    if (!input.eof() && (!input || !text))
        throw io::system_error(fmt::format("cannot read the configuration {}", file.string()),
                               errno);
    return parse_configuration(text.str(), file);
}

}  // namespace charioteer::session
