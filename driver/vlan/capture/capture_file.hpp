#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "io/deadline.hpp"
#include "io/unique_fd.hpp"
#include "vlan/capture/follower.hpp"

namespace charioteer::vlan::capture {

/// Writes a recording to a file, by a thread of its own, from construction to stop(). Any thread.
///
/// The file has complete blocks only, however the process ends; after an error, too, which ends
/// the writing.
class CaptureFile {
public:
    CaptureFile(io::UniqueFd file, std::shared_ptr<Recording> recording, std::string comment);
    CaptureFile(const CaptureFile&) = delete;
    CaptureFile& operator=(const CaptureFile&) = delete;
    /// As stop() without waiting.
    ~CaptureFile();

    /// From now on, frames that are recorded later are not written. Returns at once.
    void begin_stop() noexcept;
    /// Writes the frames that have been recorded before this call or begin_stop(), and closes the
    /// file. Blocks for the disk, until `limit` at most: then the thread is left to itself, and
    /// ends when the disk has taken what it is writing. Returns why the file is incomplete, or an
    /// empty string. Idempotent.
    std::string stop(io::Duration limit) noexcept;

private:
    struct Writer;

    std::shared_ptr<Writer> writer_;  ///< of the thread, too
    std::mutex stopping_mutex_;       ///< held by the caller of stop(); protects what follows
    std::thread thread_;
    std::string error_;
};

/// Writes all frames that are in the ring to `file`, and returns. Blocks for the disk. Throws
/// io::Error; then the file has the frames that could be written.
void write_ring(int file, const std::shared_ptr<Recording>& recording, std::string comment);

}  // namespace charioteer::vlan::capture
