#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <thread>
#include <vector>

#include "io/deadline.hpp"
#include "io/unique_fd.hpp"
#include "vlan/capture/stream_client.hpp"

namespace charioteer::vlan::capture {

/// Sends a recording to clients while it grows (`charioteer capture`), by a thread of its own, from
/// construction to stop(). A client that does not read loses frames, which are counted in what it
/// receives; it delays neither other clients nor frames.
class StreamServer {
public:
    /// Takes over a listening socket, whose directory decides who can connect. Throws io::Error.
    StreamServer(io::UniqueFd listener, std::shared_ptr<Recording> recording);
    StreamServer(const StreamServer&) = delete;
    StreamServer& operator=(const StreamServer&) = delete;
    ~StreamServer() { stop(io::Duration::zero()); }

    /// Sends clients what has been recorded, until `limit` at most, and disconnects them.
    /// Idempotent. To be called by one thread at a time.
    void stop(io::Duration limit) noexcept;

private:
    void run() noexcept;
    void serve_until(io::TimePoint end);
    void serve_once();
    void wait();
    std::chrono::milliseconds patience() const;
    void accept_one();

    io::UniqueFd listener_;
    io::UniqueFd wake_;
    std::shared_ptr<Recording> recording_;
    std::atomic<bool> stopping_{false};
    io::Duration end_limit_{};                            ///< of stop(); written before `stopping_`
    std::vector<std::unique_ptr<StreamClient>> clients_;  ///< of the thread
    bool has_accepted_ = true;  ///< false: there were no free descriptors; of the thread
    std::thread thread_;
};

}  // namespace charioteer::vlan::capture
