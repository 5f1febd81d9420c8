// host_shell_server AGENT SOCKET: a ShellServer on SOCKET whose shells run on this host instead of
// in a guest, started by the real agent AGENT. Prints "ready" and ends at the end of its standard
// input.

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>

#include "channel/channel.hpp"
#include "io/runtime.hpp"
#include "terminal/shell_server.hpp"

namespace {

namespace asio = boost::asio;
using namespace charioteer;
using namespace std::chrono_literals;

constexpr std::uint64_t nonce = 0x5eed;

io::UniqueFd start_agent(const char* agent) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return {};
    io::UniqueFd ours(ends[0]);
    io::UniqueFd theirs(ends[1]);
    if (::fork() == 0) {
        ::fcntl(theirs.get(), F_SETFD, 0);
        ::execl(agent, agent, std::to_string(theirs.get()).c_str(), "5eed", nullptr);
        ::_exit(127);
    }
    return ours;
}

asio::awaitable<std::string> no_reason() {
    co_return "the agent has ended";
}

asio::awaitable<std::shared_ptr<terminal::ShellServer>> open(io::Runtime& runtime,
                                                             io::UniqueFd socket,
                                                             std::string path) {
    auto executor = co_await asio::this_coro::executor;
    io::UnixStream stream(executor, asio::local::stream_protocol(), socket.release());
    auto channel =
        channel::Channel::open(std::move(stream), no_reason, {[](auto) {}}, runtime.time());
    channel->expect(nonce);
    co_await channel->greeted(runtime.time().deadline_after(30s));
    terminal::Begin begin =
        [channel](command::Command command) -> asio::awaitable<std::shared_ptr<channel::Call>> {
        co_return channel->start(std::move(command));
    };
    co_return terminal::ShellServer::open(executor, std::move(path), std::move(begin),
                                          runtime.time());
}

asio::awaitable<void> close(std::shared_ptr<terminal::ShellServer> server) {
    server->close();
    co_return;
}

}  // namespace

int main(int, char** arguments) {
    std::signal(SIGPIPE, SIG_IGN);
    auto socket = start_agent(arguments[1]);
    io::Runtime runtime;
    auto server = runtime.start(open(runtime, std::move(socket), arguments[2])).get();
    std::puts("ready");
    std::fflush(stdout);
    char byte = 0;
    while (::read(STDIN_FILENO, &byte, 1) > 0) continue;
    runtime.start(close(std::move(server))).get();
    runtime.stop();
    return 0;
}
