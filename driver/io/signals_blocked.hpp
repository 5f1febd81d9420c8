#pragma once

#include <pthread.h>

#include <csignal>

namespace charioteer::io {

/// Blocks all signals in its thread for its lifetime. Threads inherit the signal mask of their
/// creator, and signals must be handled by the threads of the host program, so the core's threads
/// are created while it exists.
class SignalsBlocked {
public:
    SignalsBlocked() noexcept {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_{};
};

}  // namespace charioteer::io
