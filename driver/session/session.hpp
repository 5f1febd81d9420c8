#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/event.hpp"
#include "machine/machine.hpp"
#include "session/network.hpp"
#include "session/traffic_meter.hpp"

namespace charioteer::session {

namespace asio = boost::asio;

/// A run: its time limit, what passes through its networks, and the ordered clean-up of its
/// machines and networks. Io thread only.
class Session : public std::enable_shared_from_this<Session> {
public:
    /// `end_process` is called when the time limit has passed; it makes this process end, and
    /// returns at once.
    Session(std::shared_ptr<machine::Host> host, io::EventSink sink,
            std::function<void()> end_process);

    void adopt(std::shared_ptr<machine::Machine> machine);
    /// From now on, an event reports each second what has passed through it, if anything has.
    void adopt(std::shared_ptr<Network> network);

    /// After `limit`, logs that and ends the process. Replaces an earlier limit.
    void arm_timeout(io::Duration limit);
    void cancel_timeout() noexcept { ++timeout_number_; }

    /// Ends all machines in parallel, within 20 s, then the networks within `network_limits` each.
    /// Idempotent. Returns a sentence for each error.
    asio::awaitable<std::vector<std::string>> close(vlan::StopLimits network_limits);

private:
    struct Measured {
        std::shared_ptr<Network> network;
        TrafficMeter meter;
    };

    static asio::awaitable<void> report_each_second(std::shared_ptr<Session> self);
    void report_traffic();
    static asio::awaitable<void> expire(std::shared_ptr<Session> self, io::Duration limit,
                                        unsigned number);

    std::shared_ptr<machine::Host> host_;
    io::EventSink sink_;
    std::function<void()> end_process_;
    std::vector<std::shared_ptr<machine::Machine>> machines_;
    std::vector<Measured> networks_;
    unsigned timeout_number_ = 0;  ///< of the current limit; earlier ones are ignored
};

}  // namespace charioteer::session
