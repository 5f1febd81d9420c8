#include "interpreter_lock.hpp"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace charioteer::python {

namespace {

using namespace std::chrono_literals;

constexpr auto wait_limit = 2s;
constexpr auto check_interval = 1ms;

std::atomic<bool> ending = false;
std::atomic<int> in_python = 0;
/// Written before `ending`.
std::thread::id ender;

[[noreturn]] void stay_forever() {
    for (;;) ::pause();
}

}  // namespace

Unlocked::~Unlocked() {
    // Counted before `ending` is checked, so that the end cannot begin unnoticed in between.
    in_python.fetch_add(1);
    if (ending && std::this_thread::get_id() != ender) {
        in_python.fetch_sub(1);
        stay_forever();
    }
    PyEval_RestoreThread(state_);
    in_python.fetch_sub(1);
}

InPython::InPython() noexcept {
    in_python.fetch_add(1);
}

InPython::~InPython() {
    in_python.fetch_sub(1);
}

bool interpreter_ends() noexcept {
    return ending;
}

void begin_interpreter_end() noexcept {
    ender = std::this_thread::get_id();
    ending = true;
}

void await_threads_in_python() noexcept {
    auto give_up = std::chrono::steady_clock::now() + wait_limit;
    while (in_python > 0 && std::chrono::steady_clock::now() < give_up)
        std::this_thread::sleep_for(check_interval);
}

}  // namespace charioteer::python
