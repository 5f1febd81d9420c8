#pragma once

#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <memory>

#include "machine/monitor.hpp"

namespace charioteer::machine {

/// Stops and continues the guest of one machine, and saves its state. Every function throws
/// NotRunning while the machine is off. Io thread only.
class GuestSaver {
public:
    GuestSaver(std::shared_ptr<Context> context, std::shared_ptr<Monitor> monitor)
        : context_(std::move(context)), monitor_(std::move(monitor)) {}
    GuestSaver(const GuestSaver&) = delete;
    GuestSaver& operator=(const GuestSaver&) = delete;

    /// Stops the processors of the guest, and returns when QEMU reports that. Throws as
    /// Monitor::qmp().
    asio::awaitable<void> pause();
    /// Continues a guest that was stopped, also after its state was saved or loaded. Throws as
    /// Monitor::qmp().
    asio::awaitable<void> resume();
    /// Writes the RAM and the state of the devices of a stopped guest to a new file, which only the
    /// user can read. The guest stays stopped. Throws as Migration; the file remains then, unless
    /// it existed or QEMU is too old.
    asio::awaitable<void> save(std::filesystem::path file);

private:
    asio::awaitable<void> create_and_save(std::filesystem::path file);

    std::shared_ptr<Context> context_;
    std::shared_ptr<Monitor> monitor_;
};

}  // namespace charioteer::machine
