#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace charioteer::report {

/// `bytes` as a JSON string in double quotes, with U+FFFD for invalid UTF-8.
std::string json_string(std::string_view bytes);

/// The fields of a JSON object, in the order of the calls.
///
/// Texts may be any bytes. One of more than 16 KiB loses its middle; then the field `cut` has the
/// number of bytes left out, by the name of the field.
class Record {
public:
    Record& text(std::string_view name, std::string_view bytes);
    /// The first 32 of them.
    Record& texts(std::string_view name, const std::vector<std::string>& values);
    Record& number(std::string_view name, std::int64_t value);
    /// With six decimals. Infinity and NaN, which JSON does not have, are null.
    Record& number(std::string_view name, double value);
    Record& numbers(std::string_view name, const std::vector<std::int64_t>& values);
    Record& flag(std::string_view name, bool value);
    /// An object of texts.
    Record& object(std::string_view name,
                   const std::vector<std::pair<std::string, std::string>>& entries);

    /// All fields as JSON, each after a comma, without braces.
    std::string fields() const;

private:
    Record& add(std::string_view name, std::string_view json);

    std::string fields_;
    std::string cut_;  ///< the entries of `cut`
};

}  // namespace charioteer::report
