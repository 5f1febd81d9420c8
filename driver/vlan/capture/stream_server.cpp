#include "vlan/capture/stream_server.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <utility>

#include "io/error.hpp"
#include "io/signals_blocked.hpp"
#include "vlan/sockets.hpp"

namespace charioteer::vlan::capture {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_clients = 32;
/// Between looks at a recording to which nothing was added.
constexpr auto pause = 5ms;
/// Until a client is accepted again when there were no free descriptors.
constexpr auto retry_pause = 100ms;
constexpr auto no_limit = -1ms;

}  // namespace

StreamServer::StreamServer(io::UniqueFd listener, std::shared_ptr<Recording> recording)
    : listener_(std::move(listener)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      recording_(std::move(recording)) {
    if (!wake_) throw io::system_error("cannot create an event descriptor", errno);
    io::SignalsBlocked blocked;
    thread_ = std::thread([this] { run(); });
}

void StreamServer::stop(io::Duration limit) noexcept {
    if (!thread_.joinable()) return;
    end_limit_ = limit;
    stopping_ = true;
    std::uint64_t one = 1;
    // Fails only if the counter is at its maximum, and then it is readable anyway.
    [[maybe_unused]] auto written = ::write(wake_.get(), &one, sizeof one);
    thread_.join();
}

void StreamServer::run() noexcept {
    ::pthread_setname_np(::pthread_self(), "capture-server");
    try {
        while (!stopping_) {
            wait();
            serve_once();
            accept_one();
        }
        serve_until(std::chrono::steady_clock::now() + end_limit_);
    } catch (const std::exception&) {
        // There is no memory: clients are disconnected.
    }
    listener_.reset();
    clients_.clear();
}

void StreamServer::serve_until(io::TimePoint end) {
    listener_.reset();
    for (const auto& client : clients_) client->finish();
    serve_once();
    while (!clients_.empty() && std::chrono::steady_clock::now() < end) {
        wait();
        serve_once();
    }
}

void StreamServer::serve_once() {
    std::erase_if(clients_, [](const auto& client) { return !client->serve(); });
}

/// Waits until there may be something to do.
void StreamServer::wait() {
    bool accepts = has_accepted_ && clients_.size() < most_clients;
    // Negative descriptors are ignored.
    std::vector<pollfd> waits{{stopping_ ? -1 : wake_.get(), POLLIN, 0},
                              {accepts ? listener_.get() : -1, POLLIN, 0}};
    for (const auto& client : clients_) {
        auto output = client->has_backlog() ? POLLOUT : 0;
        waits.push_back({client->descriptor(), static_cast<short>(POLLIN | output), 0});
    }
    ::poll(waits.data(), waits.size(), static_cast<int>(patience().count()));
}

std::chrono::milliseconds StreamServer::patience() const {
    auto limit = has_accepted_ ? no_limit : retry_pause;
    for (const auto& client : clients_) {
        if (client->is_behind()) return 0ms;
        if (client->is_following()) limit = pause;
    }
    // While clients receive the rest, one that does not read must not prevent the end.
    return stopping_ && limit == no_limit ? pause : limit;
}

void StreamServer::accept_one() {
    if (clients_.size() == most_clients) return;
    auto socket = accept_from(listener_.get());
    has_accepted_ = socket || errno == EAGAIN || errno == EINTR || errno == ECONNABORTED;
    if (socket) clients_.push_back(std::make_unique<StreamClient>(std::move(socket), recording_));
}

}  // namespace charioteer::vlan::capture
