#include "machine/shell_copy.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "files/new_name.hpp"
#include "machine/copy_steps.hpp"
#include "shell/bash_words.hpp"

namespace charioteer::machine {

namespace {

namespace fs = std::filesystem;

/// The part of an archive that one command outputs, in blocks of `dd`: the root shell encodes it,
/// and the driver has it in memory, encoded and decoded. The last block is padded, so that the loss
/// of a part is detected: QEMU drops output while its socket is full.
constexpr std::size_t block_size = 64 * 1024;
constexpr std::size_t blocks_at_once = 64;

/// For removing the folder of a copy from the guest.
constexpr auto removal_limit = std::chrono::seconds(60);

asio::awaitable<void> remove_in_guest(std::shared_ptr<command::Runner> runner, std::string text) {
    command::Command command{
        .text = std::move(text),
        .limit = Limit{removal_limit, fmt::format("{}", removal_limit.count())}};
    try {
        co_await runner->run(std::move(command));
    } catch (const io::Error&) {
        // The guest or its shell was lost, which the error of the copy reports.
    }
}

/// The command that removes a folder of the guest. `word` is its path, as a word of the shell.
std::string remove_folder(const std::string& word) {
    return "rm -rf " + word;
}

/// The command that removes the folder of make_pack_command() and ends the processes that still use
/// it: they cannot open another pipe, and the ones that they have open have no reader any more.
std::string remove_pipes(const std::string& word) {
    return fmt::format(
        "if [ -d {0} ]; then mv {0} {0}.old; for pipe in {0}.old/[01]; do : <> \"$pipe\"; done; "
        "rm -rf {0}.old; fi",
        word);
}

/// A folder that a copy makes in the guest. The destructor removes it, also when the copy has
/// failed or was cancelled, unless the guest has removed it already. The name is made here, so that
/// it is known even when no command was answered.
class Temporary {
public:
    /// `remove` makes the command that removes it, from its path as a word of the shell.
    using Remove = std::string (*)(const std::string& word);

    Temporary(std::shared_ptr<command::Runner> runner, asio::any_io_executor executor,
              Remove remove)
        : runner_(std::move(runner)),
          executor_(std::move(executor)),
          name_(files::new_name("charioteer-copy-")),
          word_("\"${TMPDIR:-/tmp}\"/" + name_),
          remove_(remove) {}
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;
    ~Temporary() {
        // The shell runs it before the caller's next command.
        if (!removed_)
            asio::co_spawn(executor_, remove_in_guest(runner_, removal()), asio::detached);
    }

    const std::string& name() const noexcept { return name_; }
    /// Its path, as a word of the shell.
    const std::string& word() const noexcept { return word_; }
    /// The command that removes it.
    std::string removal() const { return remove_(word_); }
    void set_removed() noexcept { removed_ = true; }

private:
    std::shared_ptr<command::Runner> runner_;
    asio::any_io_executor executor_;
    std::string name_;
    std::string word_;
    Remove remove_;
    bool removed_ = false;
};

/// Makes an archive of `source` in the background, which waits for a reader of each piece. The
/// pieces are written to the pipes 0 and 1 of the folder in turn: with one pipe, the reader of a
/// piece could also read the beginning of the next. The link `status` has the status
/// of `tar` as its target, which takes no room on a full disk; where it is missing, since the shell
/// that waits for `tar` was killed, the command that reads it fails. When a piece fails, the pipes
/// are opened and removed, so that a reader meets their end.
std::string make_pack_command(const std::string& source, const std::string& folder) {
    return fmt::format(
        "source=$(readlink -f -- {0}) && cd -- \"$(dirname -- \"$source\")\" && "
        "mkdir -m 700 {1} && mkfifo {1}/0 {1}/1 && {{ {{ exec > /dev/null; "
        "{{ tar -cf - -- \"$(basename -- \"$source\")\" && status=0 || status=$?; "
        "ln -s $status {1}/status; }} | "
        "for ((n = 0; ; n = 1 - n)); do "
        "dd bs={2} count={3} iflag=fullblock conv=sync 2> /dev/null > {1}/$n || break; done; "
        "exec 8<> {1}/0 9<> {1}/1; rm -f {1}/0 {1}/1; }} & }}",
        shell::quote(source), folder, block_size, blocks_at_once);
}

/// The tree that was unpacked into a folder. Blocks on the disk.
std::unique_ptr<files::TreeReader> read_unpacked(const fs::path& folder, const std::string& shown) {
    io::UniqueFd directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    std::error_code failure;
    auto entry = fs::directory_iterator(folder, failure);
    if (!directory || failure || entry == fs::directory_iterator())
        throw io::Error(fmt::format("the guest sent nothing for {}", shown));
    return std::make_unique<files::TreeReader>(directory.get(), entry->path().filename().string(),
                                               shown);
}

}  // namespace

asio::awaitable<void> ShellCopy::copy_in(fs::path source, std::string target) {
    auto scratch = co_await host_files_.make_scratch(context_->config().state_directory);
    auto archive = scratch->path() / "archive";
    std::vector<std::string> pack{"tar",
                                  "-chf",
                                  archive.string(),
                                  "-C",
                                  source.parent_path().string(),
                                  "--",
                                  source.filename().string()};
    co_await host_files_.run_program(std::move(pack));
    Temporary folder(runner_, context_->executor(), remove_folder);
    co_await run_copy_step(context_, runner_, fmt::format("mkdir -m 700 {}", folder.word()));
    co_await push_file(archive, folder.word() + "/archive");
    auto name = source.filename().string();
    auto content = fmt::format("{}/content/{}", folder.word(), shell::quote(name));
    auto unpack = fmt::format(
        "mkdir {0}/content && tar -xf {0}/archive -C {0}/content && rm {0}/archive && {1} && {2}",
        folder.word(), place_command(content, target), folder.removal());
    co_await run_copy_step(context_, runner_, std::move(unpack));
    folder.set_removed();
}

/// `target` is a word of the guest's shell.
asio::awaitable<void> ShellCopy::push_file(fs::path file, std::string target) {
    auto input = context_->host().disk().own(std::make_unique<std::ifstream>());
    auto open = [input, file] { input->open(file, std::ios::binary); };
    co_await context_->host().disk().run(std::move(open));
    for (;;) {
        auto read = [input, file] {
            std::string chunk(shell::longest_append, '\0');
            input->read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
            if (!*input && !input->eof())
                throw io::Error(fmt::format("cannot read {}", file.string()));
            chunk.resize(static_cast<std::size_t>(input->gcount()));
            return chunk;
        };
        auto chunk = co_await context_->host().disk().run(std::move(read));
        if (chunk.empty()) break;
        auto deadline = context_->time().deadline_after(copy_step_limit + command::grace);
        auto outcome = co_await shell_.append(std::move(chunk), target, deadline);
        expect_success(context_, outcome);
    }
}

/// `folder` is that of make_pack_command(), as a word of the guest's shell.
asio::awaitable<void> ShellCopy::pull_archive(std::string folder, fs::path target) {
    constexpr auto most = block_size * blocks_at_once;
    std::size_t got = most;
    for (std::uint64_t have = 0; got == most; have += got) {
        auto bytes = co_await run_copy_step(context_, runner_,
                                            fmt::format("cat {}/{}", folder, have / most % 2));
        got = bytes.size();
        if (got % block_size != 0 || got > most)
            throw io::Error(fmt::format(
                "{} bytes were received for a piece of the guest's archive after {} bytes", got,
                have));
        auto append = [target, bytes = std::move(bytes)] {
            std::ofstream output(target, std::ios::binary | std::ios::app);
            output.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
            if (!output.flush())
                throw io::system_error(fmt::format("cannot write {}", target.string()), errno);
        };
        co_await context_->host().disk().run(std::move(append));
    }
}

asio::awaitable<void> ShellCopy::copy_out(std::string source, fs::path target) {
    auto scratch = co_await host_files_.make_scratch(context_->config().state_directory);
    auto archive = scratch->path() / "archive";
    auto content = scratch->path() / "content";
    Temporary folder(runner_, context_->executor(), remove_pipes);
    co_await run_copy_step(context_, runner_, make_pack_command(source, folder.word()));
    co_await pull_archive(folder.word(), archive);
    co_await run_copy_step(context_, runner_,
                           fmt::format("status=$(readlink {}/status); {}; exit $status",
                                       folder.word(), folder.removal()));
    folder.set_removed();
    auto make = [content] {
        std::error_code failure;
        fs::create_directory(content, failure);
        if (failure)
            throw io::system_error(fmt::format("cannot make {}", content.string()),
                                   failure.value());
    };
    co_await context_->host().disk().run(std::move(make));
    // The copied tree may contain the folder. It is excluded here, since the guest's tar may be
    // busybox's, which cannot exclude.
    std::vector<std::string> unpack{
        "tar", "--no-same-owner", "--exclude=" + folder.name(), "-xf", archive.string(),
        "-C",  content.string()};
    co_await host_files_.run_program(std::move(unpack));
    auto open = [scratch, content, source] { return read_unpacked(content, source); };
    co_await host_files_.place(std::move(open), std::move(source), std::move(target));
}

}  // namespace charioteer::machine
