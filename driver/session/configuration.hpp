#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace charioteer::session {

/// The driver configuration file (driver contract, section 1.5).
struct Configuration {
    /// Names with a text each.
    using Scripts = std::vector<std::pair<std::string, std::string>>;

    Scripts vms;         ///< machine name to start script, in the order of the file
    Scripts containers;  ///< likewise
    /// Of files that `charioteer` writes, by VLAN: Ethernet address to the name of its container.
    std::map<std::string, Scripts> container_addresses;
    std::vector<int> vlans;
    double global_timeout = 0;  ///< seconds
    bool enable_ssh_backdoor = false;
    std::string test_script;   ///< path
    bool is_of_26_11 = false;  ///< it has keys that nixpkgs writes only since 26.11
};

/// Reads `text`, the content of `file`. Unknown keys are ignored. Throws io::UsageError naming
/// file, key and what was expected, or the line of a JSON error.
Configuration parse_configuration(std::string_view text, const std::filesystem::path& file);

/// Throws io::UsageError as above; io::Error when the file cannot be read.
Configuration load_configuration(const std::filesystem::path& file);

}  // namespace charioteer::session
