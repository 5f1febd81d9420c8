#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "files/disk.hpp"
#include "io/event.hpp"
#include "io/single_flight.hpp"
#include "io/time_source.hpp"
#include "machine/accelerator.hpp"
#include "process/directory_claims.hpp"
#include "screen/reader.hpp"

namespace charioteer::machine {

/// How screens are read, from the environment of the test.
struct ReaderOptions {
    std::size_t workers = 1;    ///< pictures read at the same time
    std::string language_data;  ///< a folder; empty: Tesseract's own
};

/// Limits of copies to and from guests.
struct CopyLimits {
    /// How long a copy may make no progress while the guest runs: long, since `cp` has no limit.
    io::Duration stall = std::chrono::minutes(15);
};

/// Shared by all machines of one driver. Io thread only, except claim().
class Host {
public:
    /// `idle` is called every few milliseconds while a claim waits, and may throw to cancel it.
    Host(const asio::any_io_executor& executor, io::TimeSource& time,
         std::function<void()> idle = nullptr, CopyLimits copy_limits = {});

    io::TimeSource& time() noexcept { return time_; }
    const asio::any_io_executor& executor() const noexcept { return executor_; }

    /// See process::DirectoryClaims::claim. Any thread.
    process::ClaimedDirectory claim(const std::filesystem::path& path) {
        return claims_->claim(path, idle_);
    }

    /// The accelerator that works on this host. Determined once, and logged then. `wanted` is the
    /// first caller's $CHARIOTEER_ACCEL.
    asio::awaitable<AcceleratorChoice> accelerator(std::string wanted, io::EventSink sink);

    /// The threads on which files are read and written.
    files::Disk& disk() noexcept { return disk_; }
    const CopyLimits& copy_limits() const noexcept { return copy_limits_; }

    /// The reader of screens, made with the options of the first caller.
    screen::Reader& reader(const ReaderOptions& options);
    /// Cancels all reading and waits until its threads end, at most until `deadline`. Must be
    /// called before the io thread ends, if anything was read.
    asio::awaitable<void> end_reading(io::Deadline deadline);

    /// True for the first caller, so that the warning of an old QEMU is given once.
    bool first_to_warn_of_old_qemu() noexcept { return !std::exchange(warned_, true); }

private:
    asio::any_io_executor executor_;
    io::TimeSource& time_;
    std::function<void()> idle_;
    std::shared_ptr<process::DirectoryClaims> claims_;
    std::unique_ptr<screen::Reader> reader_;
    files::Disk disk_;
    CopyLimits copy_limits_;
    std::optional<AcceleratorChoice> choice_;
    bool warned_ = false;
    io::SingleFlight<AcceleratorChoice> choosing_;
};

}  // namespace charioteer::machine
