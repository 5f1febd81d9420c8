#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fakes/paths.hpp"
#include "files/tree_reader.hpp"
#include "files/tree_writer.hpp"
#include "unit/files/files_fixture.hpp"

namespace charioteer::files {

struct Result {
    int status = 0;
    std::string output;
    std::string errors;
};

/// A running built-in program of the agent with the given descriptors as its streams.
class Program {
public:
    Program(std::string name, std::string word, int input, int output, int errors) {
        posix_spawn_file_actions_t files;
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_adddup2(&files, input, 0);
        posix_spawn_file_actions_adddup2(&files, output, 1);
        posix_spawn_file_actions_adddup2(&files, errors, 2);
        std::string agent = fakes::agent_program;
        std::string built_in = "built-in";
        char* arguments[] = {agent.data(), built_in.data(), name.data(), word.data(), nullptr};
        if (::posix_spawn(&process_, agent.c_str(), &files, nullptr, arguments, environ) != 0)
            throw std::runtime_error("cannot start the agent");
        posix_spawn_file_actions_destroy(&files);
    }
    ~Program() {
        if (process_ > 0) end_by(SIGKILL);
    }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    int wait() {
        int status = 0;
        ::waitpid(process_, &status, 0);
        process_ = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }
    int end_by(int signal) {
        ::kill(process_, signal);
        return wait();
    }

private:
    pid_t process_ = 0;
};

class TransferTest : public FilesTest {
protected:
    TransferTest() { fs::create_directories(guest_); }

    io::UniqueFd open(const fs::path& path, int flags) {
        io::UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, 0600));
        EXPECT_TRUE(fd) << path;
        return fd;
    }
    Result run(const std::string& name, const std::string& word, std::string_view input = {}) {
        write_file(folder_ / "input", input);
        auto in = open(folder_ / "input", O_RDONLY);
        auto out = open(folder_ / "output", O_RDWR | O_CREAT | O_TRUNC);
        auto errors = open(folder_ / "errors", O_RDWR | O_CREAT | O_TRUNC);
        Program program(name, word, in.get(), out.get(), errors.get());
        Result result;
        result.status = program.wait();
        result.output = read_file(folder_ / "output");
        result.errors = read_file(folder_ / "errors");
        for (auto at = result.errors.find(folder_.string()); at != std::string::npos;
             at = result.errors.find(folder_.string()))
            result.errors.erase(at, folder_.string().size());
        return result;
    }
    /// The standard error of `receive`.
    std::string receive(const std::string& stream, const fs::path& target) {
        auto result = run("receive", target.string(), stream);
        EXPECT_EQ(result.status, result.errors.empty() ? 0 : 1);
        EXPECT_EQ(result.output, "");
        return result.errors;
    }
    std::string send(const fs::path& source) {
        auto result = run("send", source.string());
        EXPECT_EQ(result.status, 0) << result.errors;
        EXPECT_EQ(result.errors, "");
        return result.output;
    }
    static std::string host_stream(const fs::path& source) {
        TreeReader reader(source);
        std::string stream;
        for (auto piece = reader.next(65'536); !piece.empty(); piece = reader.next(65'536))
            stream += piece;
        return stream;
    }
    /// Copies from the host into the "guest" and back; the entries of the result.
    fs::path round_trip(const fs::path& source) {
        EXPECT_EQ(receive(host_stream(source), guest_ / "new/there"), "");
        TreeWriter writer(folder_ / "back");
        writer.feed(send(guest_ / "new/there"));
        writer.finish();
        return folder_ / "back";
    }
    std::set<std::string> in_guest() { return names_in(guest_); }

    fs::path guest_ = folder_ / "guest";
    fs::path tree_ = folder_ / "tree";
};

}  // namespace charioteer::files
