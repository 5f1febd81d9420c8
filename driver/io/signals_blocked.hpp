#pragma once

#include <pthread.h>

#include <csignal>

namespace charioteer::io {

/// Blocks all signals for its thread while it lives. Threads inherit what their maker blocks, and
/// signals belong to the threads of the host program: ours are made under it.
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
