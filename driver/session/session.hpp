#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/event.hpp"
#include "machine/machine.hpp"
#include "session/network.hpp"

namespace charioteer::session {

namespace asio = boost::asio;

/// What a run owns: its time limit, and the clean-up of its machines and networks in order. Io
/// thread only.
class Session : public std::enable_shared_from_this<Session> {
public:
    /// `end_process` sees to it that this process ends, and returns at once; called when the time
    /// limit has passed.
    Session(std::shared_ptr<machine::Host> host, io::EventSink sink,
            std::function<void()> end_process);

    void adopt(std::shared_ptr<machine::Machine> machine);
    void adopt(std::shared_ptr<Network> network);

    /// After `limit`, logs that and has the process end. Replaces an earlier limit.
    void arm_timeout(io::Duration limit);
    void cancel_timeout() noexcept { ++timeout_number_; }

    /// Ends all machines at once, then the networks, within 20 s. Idempotent. Returns what went
    /// wrong, a sentence each.
    asio::awaitable<std::vector<std::string>> close();

private:
    static asio::awaitable<void> expire(std::shared_ptr<Session> self, io::Duration limit,
                                        unsigned number);

    std::shared_ptr<machine::Host> host_;
    io::EventSink sink_;
    std::function<void()> end_process_;
    std::vector<std::shared_ptr<machine::Machine>> machines_;
    std::vector<std::shared_ptr<Network>> networks_;
    unsigned timeout_number_ = 0;  ///< of the limit in force; others are void
};

}  // namespace charioteer::session
