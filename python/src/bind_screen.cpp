#include "bind_screen.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <span>
#include <thread>

#include "bindings.hpp"
#include "block_on.hpp"
#include "convert.hpp"

namespace charioteer::python {

namespace {

/// The options of the current environment: scripts change os.environ.
machine::ReaderOptions reader_options() {
    machine::ReaderOptions options;
    // The number of workers of upstream's driver (driver contract, section 1.6).
    std::size_t processors = std::thread::hardware_concurrency();
    if (const char* given = std::getenv("NIX_BUILD_CORES"))
        std::from_chars(given, given + std::strlen(given), processors);
    options.workers = std::max<std::size_t>(1, processors / 4);
    if (const char* given = std::getenv("TESSDATA_PREFIX")) options.language_data = given;
    return options;
}

std::shared_ptr<screen::Reading> begin(screen::Picture picture, std::size_t variants) {
    if (variants == 0 || variants > screen::variants.size())
        throw py::value_error("a picture is read in 1 to 3 ways");
    auto options = reader_options();
    return on_io_thread([&] {
        auto& reader = Core::instance().host()->reader(options);
        return reader.read(std::move(picture), std::span(screen::variants).first(variants));
    });
}

asio::awaitable<std::optional<screen::Text>> next_of(std::shared_ptr<screen::Reading> reading) {
    co_return co_await reading->next();
}

}  // namespace

ScreenReading::ScreenReading(screen::Picture picture, std::size_t variants, py::object idle)
    : reading_(begin(std::move(picture), variants)), idle_(std::move(idle)) {}

ScreenReading::~ScreenReading() {
    Core::instance().dispose(std::move(reading_));
}

py::tuple ScreenReading::next() {
    auto text = block_on(next_of(reading_), {idle_});
    if (!text) throw py::stop_iteration();
    return py::make_tuple(static_cast<int>(text->variant), to_text(text->text));
}

void bind_screen(py::module_& module) {
    py::class_<ScreenReading>(module, "ScreenReading")
        .def(py::init([](const py::bytes& ppm, std::size_t variants, py::object idle) {
                 return ScreenReading(screen::parse_ppm(std::string_view(ppm)), variants,
                                      std::move(idle));
             }),
             py::arg("ppm"), py::arg("variants"), py::arg("idle") = py::none())
        .def("__iter__", [](py::object self) { return self; })
        .def("__next__", &ScreenReading::next);
}

}  // namespace charioteer::python
