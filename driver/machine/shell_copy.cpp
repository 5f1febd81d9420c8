#include "machine/shell_copy.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "files/new_name.hpp"
#include "machine/copy_steps.hpp"
#include "shell/base64.hpp"
#include "shell/bash_words.hpp"

namespace charioteer::machine {

namespace {

namespace fs = std::filesystem;

/// What goes into one command: 90,000 characters of base64, below the 128 KiB that Linux grants an
/// argument.
constexpr std::size_t chunk_size = 67'500;
/// What one command gives of an archive, in blocks of `dd`: the root shell encodes it, and the
/// driver has it in memory for a moment, encoded and decoded.
constexpr std::size_t block_size = 64 * 1024;
constexpr std::size_t blocks_at_once = 64;

/// Of the removal of what a copy has left in the guest.
constexpr auto removal_limit = std::chrono::seconds(60);

asio::awaitable<void> remove_in_guest(std::shared_ptr<command::Runner> runner, std::string text) {
    command::Command command{
        .text = std::move(text),
        .limit = Limit{removal_limit, fmt::format("{}", removal_limit.count())}};
    try {
        co_await runner->run(std::move(command));
    } catch (const io::Error&) {
        // The guest is gone, or its shell is: the copy's own error says so.
    }
}

/// A file or folder of the guest, which a copy makes there. It is removed when this goes, whether
/// the copy has failed or was called off, unless the guest has removed it already. The name is made
/// here, so that it is known even when no command has been answered.
class Temporary {
public:
    Temporary(std::shared_ptr<command::Runner> runner, asio::any_io_executor executor)
        : runner_(std::move(runner)),
          executor_(std::move(executor)),
          word_("\"${TMPDIR:-/tmp}\"/" + files::new_name("charioteer-copy-")) {}
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;
    ~Temporary() {
        // The shell takes it before what the caller asks for next.
        if (!removed_)
            asio::co_spawn(executor_, remove_in_guest(runner_, removal()), asio::detached);
    }

    /// Its path, as a word of the shell.
    const std::string& word() const noexcept { return word_; }
    /// The command that removes it.
    std::string removal() const { return "rm -rf " + word_; }
    void set_removed() noexcept { removed_ = true; }

private:
    std::shared_ptr<command::Runner> runner_;
    asio::any_io_executor executor_;
    std::string word_;
    bool removed_ = false;
};

/// Makes an archive of `source` in the new file `archive`, a word of the shell; the answer is its
/// size.
std::string pack_command(const std::string& source, const std::string& archive) {
    return fmt::format(
        "(umask 077; set -C; : > {1}) && source=$(readlink -f -- {0}) && "
        "cd -- \"$(dirname -- \"$source\")\" && "
        "tar -cf {1} -- \"$(basename -- \"$source\")\" && wc -c < {1}",
        shell::quote(source), archive);
}

/// The size of an archive, in bytes, as `wc -c` writes it.
std::uint64_t parse_size(std::string_view answer) {
    std::uint64_t size = 0;
    answer.remove_prefix(std::min(answer.find_first_not_of(' '), answer.size()));
    if (std::from_chars(answer.data(), answer.data() + answer.size(), size).ec != std::errc())
        throw io::Error("the guest does not say how large its archive is");
    return size;
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
    Temporary folder(runner_, context_->executor());
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
            std::string chunk(chunk_size, '\0');
            input->read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
            if (!*input && !input->eof())
                throw io::Error(fmt::format("cannot read {}", file.string()));
            chunk.resize(static_cast<std::size_t>(input->gcount()));
            return chunk;
        };
        auto chunk = co_await context_->host().disk().run(std::move(read));
        if (chunk.empty()) break;
        auto command =
            fmt::format("echo {} | base64 -d >> {}", shell::encode_base64(chunk), target);
        co_await run_copy_step(context_, runner_, std::move(command));
    }
}

/// `source` is a word of the guest's shell, and `size` the file's, in bytes.
asio::awaitable<void> ShellCopy::pull_file(std::string source, std::uint64_t size,
                                           fs::path target) {
    constexpr auto most = block_size * blocks_at_once;
    for (std::uint64_t have = 0; have < size;) {
        auto command = fmt::format("dd if={} bs={} skip={} count={} 2>/dev/null", source,
                                   block_size, have / block_size, blocks_at_once);
        auto bytes = co_await run_copy_step(context_, runner_, std::move(command));
        if (bytes.size() != std::min<std::uint64_t>(most, size - have))
            throw io::Error(fmt::format("the guest gave {} bytes of its archive after {} of {}",
                                        bytes.size(), have, size));
        have += bytes.size();
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
    Temporary packed(runner_, context_->executor());
    auto size = co_await run_copy_step(context_, runner_, pack_command(source, packed.word()));
    co_await pull_file(packed.word(), parse_size(size), archive);
    co_await run_copy_step(context_, runner_, packed.removal());
    packed.set_removed();
    auto make = [content] {
        std::error_code failure;
        fs::create_directory(content, failure);
        if (failure)
            throw io::system_error(fmt::format("cannot make {}", content.string()),
                                   failure.value());
    };
    co_await context_->host().disk().run(std::move(make));
    std::vector<std::string> unpack{"tar", "--no-same-owner", "-xf", archive.string(),
                                    "-C",  content.string()};
    co_await host_files_.run_program(std::move(unpack));
    auto open = [scratch, content, source] { return read_unpacked(content, source); };
    co_await host_files_.place(std::move(open), std::move(source), std::move(target));
}

}  // namespace charioteer::machine
