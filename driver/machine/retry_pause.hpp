#pragma once

#include <algorithm>
#include <chrono>

#include "io/deadline.hpp"

namespace charioteer::machine {

/// The pause before a wait's next try: short at first, and no more than a third of the time goes
/// into trying when a try takes long.
inline io::Duration next_pause(io::Duration waited, io::Duration last_try) {
    using namespace std::chrono_literals;
    return std::clamp<io::Duration>(std::max(waited / 32, last_try / 2), 20ms, 1000ms);
}

}  // namespace charioteer::machine
