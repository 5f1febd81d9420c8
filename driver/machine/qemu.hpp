#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>

#include "io/event.hpp"
#include "io/unix_socket.hpp"
#include "machine/console.hpp"
#include "machine/guest_state.hpp"
#include "machine/host.hpp"
#include "machine/port_link.hpp"
#include "machine/start_script.hpp"
#include "process/child.hpp"
#include "qmp/client.hpp"
#include "shell/session.hpp"

namespace charioteer::machine {

/// The parameters of the start script.
struct LaunchPlan {
    std::string name;                      ///< of the machine
    std::string command;                   ///< for `sh -c`
    std::vector<std::string> environment;  ///< NAME=value
    std::filesystem::path directory;       ///< state directory
    int lock = -1;                         ///< of the state directory; held while QEMU runs
    bool agent = true;                     ///< the guest has a port for it
    std::chrono::seconds holder_limit{};   ///< parse_holder_limit()
};

/// A QEMU, from its start to its end, and the connections to it. Io thread only.
class Qemu : public std::enable_shared_from_this<Qemu> {
public:
    /// `console` gets the output of the start script and of QEMU, `warn` warnings about the guest.
    Qemu(std::shared_ptr<Console> console, std::shared_ptr<Host> host,
         std::function<void(std::string text)> warn);
    /// Runs the start script and waits until QEMU has connected. Throws io::Error when it ends
    /// before that, io::TimeoutError; no process runs any more then. May be called once.
    asio::awaitable<void> launch(LaunchPlan plan, io::Deadline deadline);
    /// Ends the processes that launch() starts or has started; launch() then throws.
    void abort();

    process::Child& child() noexcept { return *child_; }
    std::shared_ptr<process::Child> share_child() const noexcept { return child_; }
    qmp::Client& qmp() noexcept { return *qmp_; }
    const std::shared_ptr<qmp::Client>& share_qmp() const noexcept { return qmp_; }
    shell::Session& shell() noexcept { return *shell_; }
    /// Null when the guest has no port for an agent.
    const std::shared_ptr<PortLink>& agent() const noexcept { return agent_; }

    /// What QEMU has reported about the guest.
    GuestState& guest() noexcept { return *guest_; }
    std::shared_ptr<GuestState> share_guest() const noexcept { return guest_; }

    /// "QEMU ended with status 0: the guest powered itself off", or that it still runs, and the
    /// state of the guest.
    std::string state() const;
    /// The same for a QEMU that is ending, after it has sent all of its events.
    asio::awaitable<std::string> final_state();
    /// Closes all connections; waits on them end with io::ConnectionLost. QEMU runs on.
    void close();

private:
    struct Listeners;

    asio::awaitable<void> start_process(LaunchPlan plan);
    asio::awaitable<void> dial_in(Listeners& listeners, io::Deadline deadline);
    asio::awaitable<void> unless_ended(asio::awaitable<void> operation);
    asio::awaitable<void> give_up();
    io::Error early_end() const;
    /// Why there is no connection to the host of an ended machine any more; empty if that is not
    /// the reason of its end.
    std::string loss() const;
    io::DisconnectReason disconnect_reason();
    channel::Settings channel_settings();
    void hear_of_snapshots();
    static asio::awaitable<void> drain(std::shared_ptr<Qemu> self);

    std::shared_ptr<Console> console_;
    std::shared_ptr<Host> host_;
    std::function<void(std::string text)> warn_;
    std::chrono::seconds holder_limit_{};
    std::filesystem::path directory_;  ///< state directory
    std::shared_ptr<process::Child> child_;
    std::string awaited_;     ///< what QEMU has to do next, for the error when it ends before
    bool aborted_ = false;    ///< before the start script was started
    io::UnixStream monitor_;  ///< connected as in upstream's driver; only read
    std::shared_ptr<qmp::Client> qmp_;
    std::shared_ptr<GuestState> guest_;
    std::shared_ptr<shell::Session> shell_;
    std::shared_ptr<PortLink> agent_;
};

}  // namespace charioteer::machine
