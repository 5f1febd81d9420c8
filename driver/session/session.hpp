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

/// How a process is to end: by its own clean-up, or now, whatever it does.
enum class Ending { orderly, at_once };

/// What a run owns: its time limit, and the clean-up of its machines and networks in order. Io
/// thread only.
class Session : public std::enable_shared_from_this<Session> {
public:
    /// `end_process` ends this process when time is up.
    Session(std::shared_ptr<machine::Host> host, io::EventSink sink,
            std::function<void(Ending)> end_process);

    void adopt(std::shared_ptr<machine::Machine> machine);
    void adopt(std::shared_ptr<Network> network);

    /// After `limit`, says so and has the process end; its own clean-up gets 30 s, then the
    /// machines are ended and the process too. Replaces an earlier limit.
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
    std::function<void(Ending)> end_process_;
    std::vector<std::shared_ptr<machine::Machine>> machines_;
    std::vector<std::shared_ptr<Network>> networks_;
    unsigned timeout_number_ = 0;  ///< of the limit in force; others are void
};

}  // namespace charioteer::session
