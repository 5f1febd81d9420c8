#include "vlan/capture/capture_file.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <optional>
#include <utility>

#include "io/error.hpp"
#include "io/signals_blocked.hpp"

namespace charioteer::vlan::capture {

namespace {

using namespace std::chrono_literals;

/// Between looks at a recording to which nothing was added. The ring lasts much longer, however
/// fast frames come.
constexpr auto pause = 5ms;

/// Appends complete blocks to a file. After an error the file ends with the last complete write.
void write_blocks(int file, std::string_view blocks) {
    auto before = ::lseek(file, 0, SEEK_CUR);
    while (!blocks.empty()) {
        auto written = ::write(file, blocks.data(), blocks.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) {
            auto failure = errno;
            // Fails for pipes, which cannot take back what was written.
            if (before >= 0 && ::ftruncate(file, before) == 0) ::lseek(file, before, SEEK_SET);
            throw io::system_error("cannot write to the file", failure);
        }
        blocks.remove_prefix(static_cast<std::size_t>(written));
    }
}

/// Writes some of what was recorded. False if nothing is left.
bool write_some(int file, Follower& follower) {
    std::string blocks;
    bool more = follower.read(blocks);
    write_blocks(file, blocks);
    return more;
}

void write_end(int file, Follower& follower) {
    follower.stop_at_end();
    while (write_some(file, follower)) {
    }
    std::string blocks;
    follower.finish(blocks);
    write_blocks(file, blocks);
}

Follower::Options all_frames(Cursor::Begin begin, std::string comment) {
    return {begin, {}, std::move(comment)};
}

}  // namespace

/// What the thread works with. It owns it, too, because stop() may leave the thread to itself.
struct CaptureFile::Writer {
    Writer(io::UniqueFd opened, std::shared_ptr<Recording> recording, std::string comment)
        : file(std::move(opened)),
          follower(std::in_place, std::move(recording),
                   all_frames(Cursor::Begin::now, std::move(comment))) {}

    void run() noexcept;
    bool is_stopping_within(std::chrono::milliseconds time);

    io::UniqueFd file;                 ///< of the thread
    std::optional<Follower> follower;  ///< of the thread, until its end
    std::mutex mutex;                  ///< protects what follows
    std::condition_variable changed;
    bool is_stopping = false;
    bool has_ended = false;
    std::string error;
};

void CaptureFile::Writer::run() noexcept {
    ::pthread_setname_np(::pthread_self(), "capture");
    std::string failed;
    try {
        bool more = true;
        while (!is_stopping_within(more ? 0ms : pause)) more = write_some(file.get(), *follower);
        write_end(file.get(), *follower);
    } catch (const std::exception& failure) {
        failed = failure.what();
    }
    follower.reset();
    file.reset();
    std::lock_guard lock(mutex);
    error = std::move(failed);
    has_ended = true;
    changed.notify_all();
}

bool CaptureFile::Writer::is_stopping_within(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, time, [this] { return is_stopping; });
}

CaptureFile::CaptureFile(io::UniqueFd file, std::shared_ptr<Recording> recording,
                         std::string comment)
    : writer_(std::make_shared<Writer>(std::move(file), std::move(recording), std::move(comment))) {
    io::SignalsBlocked blocked;
    thread_ = std::thread([writer = writer_] { writer->run(); });
}

CaptureFile::~CaptureFile() {
    stop(io::Duration::zero());
}

void CaptureFile::begin_stop() noexcept {
    std::lock_guard lock(writer_->mutex);
    writer_->is_stopping = true;
    writer_->changed.notify_all();
}

std::string CaptureFile::stop(io::Duration limit) noexcept {
    std::lock_guard one_at_a_time(stopping_mutex_);
    if (!thread_.joinable()) return error_;
    begin_stop();
    std::unique_lock lock(writer_->mutex);
    if (writer_->changed.wait_for(lock, limit, [this] { return writer_->has_ended; })) {
        error_ = writer_->error;
        lock.unlock();
        thread_.join();
    } else {
        error_ = fmt::format("the disk has not taken all frames within {:g} s", io::seconds(limit));
        thread_.detach();
    }
    return error_;
}

void write_ring(int file, const std::shared_ptr<Recording>& recording, std::string comment) {
    Follower follower(recording, all_frames(Cursor::Begin::oldest, std::move(comment)));
    write_end(file, follower);
}

}  // namespace charioteer::vlan::capture
