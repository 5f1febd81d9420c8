// The records of a trace: JSON on one line, whatever bytes guests write; valid texts are unchanged.
// The first byte of the input is how often its rest is repeated, so that some texts are above the
// limit of a record.

#include <boost/json.hpp>
#include <cstring>
#include <string>

#include "fuzz/input.hpp"
#include "io/printable.hpp"
#include "report/record.hpp"

using namespace charioteer;
using fuzz::require;

namespace {

namespace json = boost::json;

constexpr std::size_t longest_kept = 16 << 10;

json::object parsed(const report::Record& record) {
    auto line = "{\"kind\":\"console\"" + record.fields() + "}";
    require(line.find('\n') == std::string::npos);
    return json::parse(line).as_object();
}

double number_of(std::string_view bytes) {
    double number = 0;
    std::memcpy(&number, bytes.data(), std::min(bytes.size(), sizeof number));
    return number;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    auto times = input.byte();
    auto piece = input.rest();
    std::string text;
    for (int time = 0; time <= times % 16; ++time) text += piece;

    report::Record record;
    record.text("text", text).object("details", {{std::string(piece), text}});
    record.texts("lines", {text, std::string(piece)}).number("number", number_of(piece));
    auto fields = parsed(record);

    bool is_whole = text.size() <= longest_kept;
    require(is_whole != fields.contains("cut"));
    bool is_valid = io::decodable(text) == text;
    if (is_whole && is_valid) require(fields["text"].as_string() == text);
    require(fields["lines"].as_array().size() == 2);
    return 0;
}
