#pragma once

#include <Python.h>

namespace charioteer::python {

/// Lets other threads have the interpreter lock while it lives; the caller holds it.
///
/// Once the interpreter is ending, a thread other than the one that ends it never comes back from
/// here: the interpreter would end it by unwinding its stack, and destructors, like this one, do
/// not survive that (the process aborts). It ends with the process instead.
class Unlocked {
public:
    Unlocked() : state_(PyEval_SaveThread()) {}
    Unlocked(const Unlocked&) = delete;
    Unlocked& operator=(const Unlocked&) = delete;
    ~Unlocked();

private:
    PyThreadState* state_;
};

/// While it lives, an ending interpreter waits before it takes the lock for good. For a thread that
/// calls Python from inside the core.
class InPython {
public:
    InPython() noexcept;
    InPython(const InPython&) = delete;
    InPython& operator=(const InPython&) = delete;
    ~InPython();
};

/// True once begin_interpreter_end() was called. Any thread.
bool interpreter_ends() noexcept;

/// The calling thread ends the interpreter. Needs the lock.
void begin_interpreter_end() noexcept;

/// Waits, without the lock, until no other thread is on its way out of Unlocked or InPython; 2 s at
/// most.
void await_threads_in_python() noexcept;

}  // namespace charioteer::python
