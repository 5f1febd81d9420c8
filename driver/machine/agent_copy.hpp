#pragma once

#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "machine/host_files.hpp"
#include "machine/liveness.hpp"

namespace charioteer::machine {

/// Copies by two programs of the agent, which send and receive a tree as a stream. Io thread only.
class AgentCopy {
public:
    AgentCopy(std::shared_ptr<Context> context, Liveness liveness)
        : context_(context), liveness_(std::move(liveness)), host_files_(std::move(context)) {}

    /// As in Copier, by the agent of `link`.
    asio::awaitable<void> copy_in(std::shared_ptr<AgentLink> link, std::filesystem::path source,
                                  std::string target);
    asio::awaitable<void> copy_out(std::shared_ptr<AgentLink> link, std::string source,
                                   std::filesystem::path target);

private:
    asio::awaitable<void> until_stalled(std::shared_ptr<AgentLink> link,
                                        std::shared_ptr<Copying> copying, io::Duration limit);
    asio::awaitable<void> unless_stalled(std::shared_ptr<AgentLink> link,
                                         std::shared_ptr<Copying> copying,
                                         asio::awaitable<void> operation);
    asio::awaitable<void> send_tree(std::shared_ptr<channel::Call> call,
                                    std::shared_ptr<files::TreeReader> reader,
                                    std::shared_ptr<Copying> copying);
    asio::awaitable<void> receive_tree(std::shared_ptr<channel::Call> call,
                                       std::shared_ptr<files::TreeWriter> writer,
                                       std::shared_ptr<Copying> copying);

    std::shared_ptr<Context> context_;
    Liveness liveness_;
    HostFiles host_files_;
};

}  // namespace charioteer::machine
