#include "agent/main.hpp"

#include <new>

#include "agent/agent.hpp"
#include "agent/built_in.hpp"
#include "agent/system.hpp"
#include "agent/text.hpp"

namespace charioteer::agent {

namespace {

constexpr int bad_arguments = 2;
constexpr int cannot_fork = 3;
constexpr int no_memory = 4;
constexpr int last_signal = 64;

/// Resets the signal actions to those of a program started by init, so that commands do not inherit
/// others.
void reset_signals() {
    for (int signal = 1; signal <= last_signal; ++signal)
        if (signal != SIGKILL && signal != SIGSTOP) sys::signal_action(signal, SIG_DFL);
}

}  // namespace

int main(int count, char** arguments, char** environment) {
    if (count < 3) return bad_arguments;
    if (same(arguments[1], "built-in"))
        return run_built_in(as_words(arguments + 2, count - 2), environment);
    const char* end = nullptr;
    auto fd = static_cast<int>(parse_number(arguments[1], 10, &end));
    if (*end != '\0') return bad_arguments;
    auto nonce = parse_number(arguments[2], 16, &end);
    if (*end != '\0') return bad_arguments;
    if (count > 3 && same(arguments[3], "detach")) {
        sys::unlink(arguments[0]);
        auto child = sys::fork();
        if (child != 0) return child > 0 ? 0 : cannot_fork;
        sys::new_session();
    }
    reset_signals();
    // Too large for the stack; only the pages of its buffers that are used take memory.
    auto* memory = sys::map(sizeof(Agent));
    if (memory == nullptr) return no_memory;
    auto* agent = new (memory) Agent;
    bool finishes = count > 4 && same(arguments[4], "finish");
    Inheritance inheritance{.environment = environment, .priority = raise_priority()};
    return agent->run(fd, nonce, inheritance, finishes);
}

}  // namespace charioteer::agent
