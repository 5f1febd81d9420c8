#pragma once

#include <Python.h>

namespace charioteer::python {

/// Releases the interpreter lock for its lifetime; the caller holds it.
///
/// Once the interpreter is ending, the destructor blocks for ever in all threads but the one that
/// ends it: otherwise the interpreter would end the thread by unwinding its stack, which aborts the
/// process in a destructor. The thread ends with the process.
class Unlocked {
public:
    Unlocked() : state_(PyEval_SaveThread()) {}
    Unlocked(const Unlocked&) = delete;
    Unlocked& operator=(const Unlocked&) = delete;
    ~Unlocked();

private:
    PyThreadState* state_;
};

/// During its lifetime, await_threads_in_python() waits. For a thread that calls Python from inside
/// the core.
class InPython {
public:
    InPython() noexcept;
    InPython(const InPython&) = delete;
    InPython& operator=(const InPython&) = delete;
    ~InPython();
};

/// True once begin_interpreter_end() was called. Any thread.
bool interpreter_ends() noexcept;

/// To be called by the thread that ends the interpreter, with the interpreter lock.
void begin_interpreter_end() noexcept;

/// Waits, without the lock, until no other thread is in the destructor of Unlocked or has an
/// InPython; 2 s at most.
void await_threads_in_python() noexcept;

}  // namespace charioteer::python
