#include "command/command.hpp"

namespace charioteer::command {

Command built_in(const std::vector<std::string>& words) {
    Command command{.kind = Command::Kind::built_in};
    for (const auto& word : words) command.text.append(word).push_back('\0');
    return command;
}

}  // namespace charioteer::command
