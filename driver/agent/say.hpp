#pragma once

#include "agent/system.hpp"
#include "agent/text.hpp"

namespace charioteer::agent {

/// One line on standard error.
inline void say(const char* program, const char* what) {
    Text<256> message;
    message << program << ": " << what << "\n";
    sys::write(2, message.c_str(), message.size());
}

}  // namespace charioteer::agent
