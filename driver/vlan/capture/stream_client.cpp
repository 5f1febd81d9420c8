#include "vlan/capture/stream_client.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace charioteer::vlan::capture {

namespace {

constexpr std::size_t longest_request = 256;

bool is_temporary(int failure) {
    return failure == EAGAIN || failure == EINTR;
}

}  // namespace

StreamClient::StreamClient(io::UniqueFd socket, std::shared_ptr<Recording> recording)
    : socket_(std::move(socket)), recording_(std::move(recording)) {}

bool StreamClient::serve() {
    if (!receive()) return false;
    if (!has_backlog()) fill();
    return send() && (state_ != State::finished || has_backlog());
}

void StreamClient::finish() {
    if (state_ == State::following) follower_->stop_at_end();
    state_ = state_ == State::following ? State::finishing : State::finished;
}

/// False when the client has disconnected.
bool StreamClient::receive() {
    std::array<char, longest_request> bytes;
    auto size = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (size < 0) return is_temporary(errno);
    return size > 0 && take({bytes.data(), static_cast<std::size_t>(size)});
}

/// False for an invalid request.
bool StreamClient::take(std::string_view bytes) {
    if (state_ != State::requesting) return true;
    request_ += bytes.substr(0, longest_request);
    auto end = request_.find('\n');
    if (end == request_.npos) return request_.size() < longest_request;
    auto machine = request_.substr(0, end);
    if (machine == "?") {
        for (const auto& each : recording_->machines()) unsent_ += each + "\n";
        state_ = State::finished;
        return true;
    }
    follower_.emplace(recording_, Follower::Options{Cursor::Begin::now, machine, {}});
    state_ = State::following;
    return true;
}

void StreamClient::fill() {
    if (state_ != State::following && state_ != State::finishing) return;
    is_behind_ = follower_->read(unsent_);
    if (is_behind_ || state_ == State::following) return;
    follower_->finish(unsent_);
    state_ = State::finished;
}

/// False when the client has disconnected.
bool StreamClient::send() {
    while (has_backlog()) {
        auto sent = ::send(socket_.get(), unsent_.data() + sent_, unsent_.size() - sent_,
                           MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) return is_temporary(errno);
        sent_ += static_cast<std::size_t>(sent);
        if (sent_ < unsent_.size()) continue;
        unsent_.clear();
        sent_ = 0;
    }
    return true;
}

}  // namespace charioteer::vlan::capture
