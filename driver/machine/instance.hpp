#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "io/event.hpp"
#include "io/unix_socket.hpp"
#include "machine/console.hpp"
#include "machine/host.hpp"
#include "machine/start_script.hpp"
#include "process/child.hpp"
#include "qmp/client.hpp"
#include "shell/session.hpp"

namespace charioteer::machine {

/// What a start script is launched with.
struct LaunchPlan {
    std::string name;                      ///< of the machine
    std::string command;                   ///< for `sh -c`
    std::vector<std::string> environment;  ///< NAME=value
    std::filesystem::path directory;       ///< state directory
    int lock = -1;                         ///< of the state directory; stays held while QEMU lives
};

/// One life of a machine: a running QEMU and the connections to it. Io thread only.
class Instance : public std::enable_shared_from_this<Instance> {
public:
    /// Runs the start script and waits until QEMU has dialled in. `console` gets its output and
    /// must outlive QEMU. Throws io::Error when it ends before that, io::TimeoutError.
    static asio::awaitable<std::shared_ptr<Instance>> launch(LaunchPlan plan,
                                                             std::shared_ptr<Console> console,
                                                             std::shared_ptr<Host> host,
                                                             io::Deadline deadline);

    process::Child& child() noexcept { return *child_; }
    std::shared_ptr<process::Child> share_child() const noexcept { return child_; }
    qmp::Client& qmp() noexcept { return *qmp_; }
    shell::Session& shell() noexcept { return *shell_; }

    /// "QEMU ended with status 1", or that it still runs.
    std::string state() const;
    /// Closes all connections; whoever waits on them gets io::ConnectionLost. QEMU is left alone.
    void close();

private:
    Instance(std::shared_ptr<Console> console, std::shared_ptr<Host> host);
    asio::awaitable<void> start_process(LaunchPlan plan);
    asio::awaitable<void> accept_one(io::UnixAcceptor& acceptor, io::UnixStream& stream,
                                     std::string_view what, io::Deadline deadline);
    io::Obituary obituary();
    static asio::awaitable<void> drain(std::shared_ptr<Instance> self);

    std::shared_ptr<Console> console_;
    std::shared_ptr<Host> host_;
    std::shared_ptr<process::Child> child_;
    io::UnixStream monitor_;  ///< offered to start scripts as upstream does; only read
    std::shared_ptr<qmp::Client> qmp_;
    std::shared_ptr<shell::Session> shell_;
};

}  // namespace charioteer::machine
