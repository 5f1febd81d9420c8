#pragma once

#include "io/error.hpp"

namespace charioteer::machine {

/// Something that the test asked to be so is not so.
class RequestFailed : public io::Error {
public:
    using Error::Error;
};

/// The root shell did not appear, is lost, or does not answer.
class ShellError : public io::Error {
public:
    using Error::Error;
};

/// The machine is off where it has to run.
class NotRunning : public io::Error {
public:
    using Error::Error;
};

}  // namespace charioteer::machine
