#pragma once

#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "machine/context.hpp"
#include "machine/monitor.hpp"
#include "screen/picture.hpp"

namespace charioteer::machine {

/// Pictures of a machine's screen. Throws as Monitor::qmp(). Io thread only.
class ScreenCapture {
public:
    ScreenCapture(std::shared_ptr<Context> context, std::shared_ptr<Monitor> monitor)
        : context_(std::move(context)), monitor_(std::move(monitor)) {}
    ScreenCapture(const ScreenCapture&) = delete;
    ScreenCapture& operator=(const ScreenCapture&) = delete;

    /// Writes the screen to `path` as PNG, and replaces an existing file. Throws io::Error when it
    /// cannot be written.
    asio::awaitable<void> save(std::filesystem::path path);
    /// The screen's contents. Throws io::TimeoutError at `caller`, too.
    asio::awaitable<screen::Picture> picture(io::Deadline caller);

private:
    class DumpFile;

    asio::awaitable<std::shared_ptr<DumpFile>> dump(std::string format, io::Deadline caller);

    std::shared_ptr<Context> context_;
    std::shared_ptr<Monitor> monitor_;
    std::size_t dumps_ = 0;
};

}  // namespace charioteer::machine
