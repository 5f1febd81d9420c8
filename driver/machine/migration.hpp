#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "qmp/client.hpp"

namespace charioteer::machine {

namespace asio = boost::asio;
namespace json = boost::json;

/// Writes the RAM and the state of the devices of a stopped guest to a file, and loads them into
/// another QEMU, by QEMU's migration. Uses QMP only. Io thread only; the caller keeps the object
/// while a coroutine runs.
///
/// The file has a place for each page of the RAM (QEMU's mapped-ram), so that its length is that of
/// the RAM, and pages of zeros take no space.
class Migration {
public:
    /// Limits are for KVM, and are multiplied by `limit_factor`.
    Migration(std::shared_ptr<qmp::Client> qmp, io::TimeSource& time, int limit_factor)
        : qmp_(std::move(qmp)), time_(time), limit_factor_(limit_factor) {}
    Migration(const Migration&) = delete;
    Migration& operator=(const Migration&) = delete;

    /// Throws io::Error with both versions when QEMU is too old.
    void expect_supported() const;
    /// Throws io::UsageError when the guest is not stopped, io::Error with QEMU's reasons when a
    /// device or a mounted share prevents saving.
    asio::awaitable<void> expect_savable();
    /// Writes to `file`, an absolute path; the file may exist. Throws io::Error with QEMU's reason,
    /// and io::TimeoutError after 60 s and a second for each 20 MB of RAM. QEMU does not write any
    /// more then, and the guest can be continued.
    asio::awaitable<void> save(std::filesystem::path file);
    /// Loads `file`, which has `size` bytes, into a QEMU that was started with `-incoming defer`.
    /// Throws as save(), and io::ConnectionLost when QEMU ends, which has written the reason to its
    /// standard error.
    asio::awaitable<void> load(std::filesystem::path file, std::uintmax_t size);

private:
    /// QEMU's report of a migration.
    struct Report {
        std::string status;  ///< "completed" and the like; empty before the first migration
        std::string failure;
        std::string blockers;  ///< why the guest cannot be saved
    };

    asio::awaitable<std::uintmax_t> query_ram();
    io::Deadline deadline_for(std::uintmax_t ram) const;
    asio::awaitable<void> prepare(std::vector<std::string> capabilities, io::Deadline deadline);
    asio::awaitable<Report> query(io::Deadline deadline);
    asio::awaitable<void> until_completed(io::Deadline deadline);
    asio::awaitable<void> cancel();

    std::shared_ptr<qmp::Client> qmp_;
    io::TimeSource& time_;
    int limit_factor_;
};

}  // namespace charioteer::machine
