#pragma once

#include "io/error.hpp"

namespace charioteer::machine {

/// A condition that the test requires is not met.
class RequestFailed : public io::Error {
public:
    using Error::Error;
};

/// The guest cannot read or write what is to be copied.
class CopyFailed : public io::Error {
public:
    using Error::Error;
};

/// The root shell did not appear, is lost, or does not answer.
class ShellError : public io::Error {
public:
    using Error::Error;
};

/// The machine is off and would have to run.
class NotRunning : public io::Error {
public:
    using Error::Error;
};

}  // namespace charioteer::machine
