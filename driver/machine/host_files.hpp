#pragma once

#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "files/scratch.hpp"
#include "files/tree_reader.hpp"
#include "files/tree_writer.hpp"
#include "machine/context.hpp"
#include "machine/copying.hpp"

namespace charioteer::machine {

/// The host's side of a copy: trees that are read and written on the disk's threads, with progress
/// and warnings. Every step has a limit of an hour. Io thread only; the caller keeps the object
/// while a coroutine of it runs.
class HostFiles {
public:
    using OpenTree = std::function<std::unique_ptr<files::TreeReader>()>;

    explicit HostFiles(std::shared_ptr<Context> context) : context_(std::move(context)) {}

    /// `what`: as in "copy A to B".
    std::shared_ptr<Copying> begin_copying(std::string what) const;
    void warn(const ErrorLines& errors) const;

    /// Opens a tree for a copy, with a warning for what cannot be copied. Throws io::Error.
    asio::awaitable<std::shared_ptr<files::TreeReader>> open(OpenTree open) const;
    asio::awaitable<std::shared_ptr<files::TreeReader>> open(std::filesystem::path source) const;
    asio::awaitable<std::shared_ptr<files::Scratch>> make_scratch(
        std::filesystem::path parent) const;
    /// Copies all of `reader` to `writer`, piece by piece, so that a cancelled copy ends.
    asio::awaitable<void> copy(std::shared_ptr<files::TreeReader> reader,
                               std::shared_ptr<files::TreeWriter> writer, std::string what) const;
    /// Copies the tree that `open` opens to `target`; a file there is replaced by a file. Links
    /// that the guest made are copied as links. `source` is for messages.
    asio::awaitable<void> place(OpenTree open, std::string source,
                                std::filesystem::path target) const;
    /// Runs a program of the host in the state directory, with the environment of the last start.
    /// Throws io::Error with its last output when it fails.
    asio::awaitable<void> run_program(std::vector<std::string> arguments) const;

private:
    asio::awaitable<void> pump(std::shared_ptr<files::TreeReader> reader,
                               std::shared_ptr<files::TreeWriter> writer, std::string what) const;

    std::shared_ptr<Context> context_;
};

}  // namespace charioteer::machine
