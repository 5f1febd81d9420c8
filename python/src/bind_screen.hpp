#pragma once

#include <pybind11/pybind11.h>

#include <memory>

#include "screen/reader.hpp"

namespace charioteer::python {

namespace py = pybind11;

/// Iterates over the texts of a picture.
class ScreenReading {
public:
    /// Begins to read the first `variants` variants of the picture. `idle` is called while next()
    /// waits. Raises ValueError when there are fewer variants.
    ScreenReading(screen::Picture picture, std::size_t variants, py::object idle);
    ScreenReading(ScreenReading&&) = default;
    ScreenReading& operator=(ScreenReading&&) = delete;
    ~ScreenReading();

    py::tuple next();

private:
    std::shared_ptr<screen::Reading> reading_;
    py::object idle_;
};

}  // namespace charioteer::python
