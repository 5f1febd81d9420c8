// What a machine does to carry files: through the agent (agent_files.cpp), and where there is none
// by the folder that host and guest share when the guest has mounted it, else as an archive through
// the root shell.

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "machine/machine.hpp"
#include "shell/base64.hpp"
#include "shell/bash_words.hpp"

namespace charioteer::machine {

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

/// Where guests mount the shared folder (driver contract, section 5.4).
constexpr auto guest_share = "/tmp/shared";
constexpr auto step_limit = 3600s;
constexpr auto query_limit = 60s;
/// What goes into one command: 90,000 characters of base64, below the 128 KiB that Linux grants an
/// argument.
constexpr std::size_t chunk_size = 67'500;

/// A folder of the host that is gone when the copy is over.
class Scratch {
public:
    explicit Scratch(const fs::path& parent) {
        auto pattern = (parent / "copy-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr)
            throw io::system_error(fmt::format("cannot make a folder in {}", parent.string()),
                                   errno);
        path_ = pattern;
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }

    const fs::path& path() const noexcept { return path_; }
    std::string in_guest() const {
        return fmt::format("{}/{}", guest_share, path_.filename().string());
    }

private:
    fs::path path_;
};

/// The path without slashes at its end, so that it has a last component.
std::string trimmed(std::string path) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    return path;
}

/// The shell command that copies `from` to `to` as `cp -r` does, making the folders above `to`.
std::string place_command(const std::string& from, const std::string& to) {
    auto parent = fs::path(trimmed(to)).parent_path().string();
    auto make_parent =
        parent.empty() ? std::string() : fmt::format("mkdir -p -- {} && ", shell::quote(parent));
    return fmt::format("{{ {}cp -r -- {} {}; }} 2>&1", make_parent, shell::quote(from),
                       shell::quote(to));
}

}  // namespace

asio::awaitable<std::string> Machine::run_checked(std::string command, std::string what) {
    CommandOptions options;
    options.limit = Limit{step_limit, fmt::format("{}", step_limit.count())};
    auto result = co_await execute(std::move(command), options);
    if (result.status == 0) co_return std::move(result.output);
    io::Error failed(fmt::format("{}: cannot {}: the guest's command ended with exit code {}",
                                 name(), what, result.status));
    if (result.output.size() < 4096) failed.add_note(result.output);
    tell_facts(failed);
    throw failed;
}

asio::awaitable<bool> Machine::has_share() {
    if (!share_mounted_) {
        CommandOptions options;
        options.limit = Limit{query_limit, fmt::format("{}", query_limit.count())};
        auto query = fmt::format("grep -q ' {} ' /proc/mounts", guest_share);
        share_mounted_ = (co_await execute(std::move(query), options)).status == 0;
    }
    co_return *share_mounted_;
}

asio::awaitable<void> Machine::run_host(std::vector<std::string> arguments) {
    process::ProcessSpec spec;
    spec.arguments = std::move(arguments);
    spec.environment = environment_;
    spec.directory = config_.state_directory;
    auto program = spec.arguments.front();
    auto child = co_await process::Child::spawn(std::move(spec), nullptr, host_->time());
    process::ExitStatus status;
    try {
        status = co_await child->wait(host_->time().deadline_after(step_limit));
    } catch (...) {
        // Called off: it would go on with files that are about to be removed.
        child->kill();
        throw;
    }
    if (status.returncode() == 0) co_return;
    throw io::Error(
        fmt::format("{}: {} {}: {}", name(), program, status.describe(), child->last_output()));
}

asio::awaitable<void> Machine::copy_in(fs::path source, std::string target) {
    source = fs::absolute(trimmed(source.string()));
    // Variables: g++ 12 miscompiles an `if` that awaits in its condition and in its branches.
    auto link = co_await ready_agent();
    bool shared = false;
    if (!link) shared = co_await has_share();
    if (link)
        co_await copy_in_by_agent(std::move(link), std::move(source), std::move(target));
    else if (shared)
        co_await copy_in_by_share(std::move(source), std::move(target));
    else
        co_await copy_in_by_shell(std::move(source), std::move(target));
}

asio::awaitable<void> Machine::copy_out(std::string source, fs::path target) {
    source = trimmed(std::move(source));
    // Variables: g++ 12 miscompiles an `if` that awaits in its condition and in its branches.
    auto link = co_await ready_agent();
    bool shared = false;
    if (!link) shared = co_await has_share();
    if (link)
        co_await copy_out_by_agent(std::move(link), std::move(source), std::move(target));
    else if (shared)
        co_await copy_out_by_share(std::move(source), std::move(target));
    else
        co_await copy_out_by_shell(std::move(source), std::move(target));
}

asio::awaitable<void> Machine::copy_in_by_share(fs::path source, std::string target) {
    Scratch scratch(config_.shared_directory);
    std::vector<std::string> copy{"cp", "-rL",           "--preserve=mode",
                                  "--", source.string(), scratch.path().string()};
    co_await run_host(std::move(copy));
    auto from = fmt::format("{}/{}", scratch.in_guest(), source.filename().string());
    auto command = place_command(from, target);
    auto what = fmt::format("copy {} to {}", source.string(), target);
    co_await run_checked(std::move(command), std::move(what));
}

asio::awaitable<void> Machine::copy_in_by_shell(fs::path source, std::string target) {
    Scratch scratch(config_.state_directory);
    auto what = fmt::format("copy {} to {}", source.string(), target);
    auto archive = scratch.path() / "archive";
    std::vector<std::string> pack{"tar",
                                  "-chf",
                                  archive.string(),
                                  "-C",
                                  source.parent_path().string(),
                                  "--",
                                  source.filename().string()};
    co_await run_host(std::move(pack));
    auto folder = co_await run_checked("mktemp -d", what);
    while (!folder.empty() && folder.back() == '\n') folder.pop_back();
    co_await push_file(archive, folder + "/archive");
    auto unpack = fmt::format(
        "cd {0} && mkdir content && tar -xf archive -C content && rm archive && {{ {1}; }} && "
        "cd / && rm -rf {0}",
        shell::quote(folder),
        place_command(fmt::format("{}/content/{}", folder, source.filename().string()), target));
    co_await run_checked(std::move(unpack), what);
}

asio::awaitable<void> Machine::push_file(fs::path file, std::string target) {
    std::ifstream input(file, std::ios::binary);
    std::string chunk(chunk_size, '\0');
    auto what = fmt::format("write {}", target);
    while (input) {
        input.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
        auto filled = std::string_view(chunk).substr(0, static_cast<std::size_t>(input.gcount()));
        if (filled.empty()) break;
        auto command = fmt::format("echo {} | base64 -d >> {}", shell::encode_base64(filled),
                                   shell::quote(target));
        co_await run_checked(std::move(command), what);
    }
    if (!input.eof()) throw io::Error(fmt::format("{}: cannot read {}", name(), file.string()));
}

asio::awaitable<void> Machine::copy_out_by_share(std::string source, fs::path target) {
    Scratch scratch(config_.shared_directory);
    auto command = fmt::format("cp -rH -- {} {}/content 2>&1", shell::quote(source),
                               shell::quote(scratch.in_guest()));
    co_await run_checked(std::move(command), fmt::format("copy {} to the host", source));
    std::vector<std::string> move{"mv", "-T", "--", (scratch.path() / "content").string(),
                                  target.string()};
    co_await run_host(std::move(move));
}

asio::awaitable<void> Machine::copy_out_by_shell(std::string source, fs::path target) {
    Scratch scratch(config_.state_directory);
    auto archive = scratch.path() / "archive";
    auto content = scratch.path() / "content";
    auto pack = fmt::format(
        "source=$(readlink -f -- {}) && cd -- \"$(dirname -- \"$source\")\" && "
        "tar -cf - -- \"$(basename -- \"$source\")\"",
        shell::quote(source));
    auto bytes = co_await run_checked(std::move(pack), fmt::format("copy {} to the host", source));
    {
        std::ofstream output(archive, std::ios::binary);
        output.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        if (!output.flush())
            throw io::system_error(fmt::format("{}: cannot write {}", name(), archive.string()),
                                   errno);
    }
    std::error_code failure;
    fs::create_directory(content, failure);
    if (failure)
        throw io::system_error(fmt::format("{}: cannot make {}", name(), content.string()),
                               failure.value());
    std::vector<std::string> unpack{"tar", "--no-same-owner", "-xf", archive.string(),
                                    "-C",  content.string()};
    co_await run_host(std::move(unpack));
    auto packed = fs::directory_iterator(content, failure);
    if (failure || packed == fs::directory_iterator())
        throw io::Error(fmt::format("{}: the guest sent nothing for {}", name(), source));
    std::vector<std::string> move{"mv", "-T", "--", packed->path().string(), target.string()};
    co_await run_host(std::move(move));
}

}  // namespace charioteer::machine
