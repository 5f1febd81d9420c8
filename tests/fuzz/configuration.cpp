// The driver configuration is rejected with an error that names its file, or its values are in the
// ranges that the core expects.

#include "session/configuration.hpp"

#include <algorithm>
#include <cmath>

#include "fuzz/input.hpp"
#include "io/error.hpp"

using namespace charioteer;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        auto configuration = session::parse_configuration(text, "FILE");
        require(std::isfinite(configuration.global_timeout) && configuration.global_timeout >= 0);
        require(std::all_of(configuration.vlans.begin(), configuration.vlans.end(),
                            [](int number) { return number >= 0; }));
        require(configuration.vms.size() + configuration.containers.size() < size);
    } catch (const io::UsageError& error) {
        require(std::string_view(error.what()).starts_with("FILE: "));
    }
    return 0;
}
