// The script that installs the agent in a guest, run by the shells of this host.

#include "machine/agent_program.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "fakes/temporary_directory.hpp"
#include "io/unique_fd.hpp"
#include "shell/plain_codec.hpp"

namespace charioteer::machine {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t chosen_nonce = 0xabcdef;

/// The parameter is the command line of the shell.
class AgentScriptTest : public testing::TestWithParam<const char*> {
protected:
    void SetUp() override {
        shell_ = GetParam();
        auto program = shell_.substr(0, shell_.find(' '));
        if (std::system(("command -v " + program + " >/dev/null").c_str()) != 0)
            GTEST_SKIP() << "there is no " << program;
        for (auto folder : {"ports", "dev", "one", "two", "bin"})
            fs::create_directory(directory_.path() / folder);
        link_tools({"chmod", "cat", "rm", "head", "dd"});
    }
    void link_tools(std::initializer_list<const char*> names) {
        fs::remove_all(bin());
        fs::create_directory(bin());
        for (std::string name : names) {
            auto path = fs::exists("/bin/" + name) ? "/bin/" + name : "/usr/bin/" + name;
            fs::create_symlink(path, bin() / name);
        }
    }
    fs::path bin() const { return directory_.path() / "bin"; }
    void make_port(const std::string& port, const std::string& name) {
        fs::create_directory(directory_.path() / "ports" / port);
        std::ofstream(directory_.path() / "ports" / port / "name") << name << "\n";
    }
    void make_device(const std::string& target) {
        fs::create_symlink(target, directory_.path() / "dev" / "vport2p1");
    }
    /// A pipe instead of the port; it buffers the data. (From a terminal, shells read ahead.)
    void make_pipe(const std::string& bytes) {
        make_port("vport1p1", "org.spice-space.webdav.0");
        make_port("vport2p1", std::string(agent_name));
        auto path = directory_.path() / "dev" / "vport2p1";
        ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
        pipe_ = io::UniqueFd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
        ASSERT_EQ(::write(pipe_.get(), bytes.data(), bytes.size()),
                  static_cast<ssize_t>(bytes.size()));
        kind_ = 'p';
    }
    std::string script(std::size_t size) {
        auto root = directory_.path().string();
        auto ports = root + "/ports", devices = root + "/dev";
        auto folders = fmt::format("{0}/missing {0}/one {0}/two", root);
        return agent_start_script(size, chosen_nonce, {ports, devices, kind_, folders});
    }
    /// Runs the script like the root shell does; its output.
    std::string run(std::size_t size) {
        auto file = directory_.path() / "line";
        std::ofstream(file) << shell::bare_line(script(size), 1) << "echo alive\n";
        auto find = fmt::format("$(command -v {})", shell_.substr(0, shell_.find(' ')));
        auto words = shell_.find(' ') == std::string::npos ? "" : shell_.substr(shell_.find(' '));
        auto command = fmt::format(
            "shell={}; PATH={}; exec /usr/bin/setsid -w /usr/bin/env "
            "PATH={} LC_ALL=C.UTF-8 $shell {} <{} 2>&1",
            find, bin().string(), bin().string(), words, file.string());
        auto* pipe = ::popen(command.c_str(), "r");
        std::string output;
        char buffer[4096];
        while (auto got = std::fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, got);
        ::pclose(pipe);
        constexpr std::string_view end = "\n#1:0 0\nalive\n";
        if (!output.starts_with("#1~") || !output.ends_with(end)) return "no answer: " + output;
        return output.substr(3, output.size() - 3 - end.size());
    }
    std::vector<std::string> left() {
        std::vector<std::string> names;
        for (auto folder : {"one", "two"})
            for (const auto& entry : fs::directory_iterator(directory_.path() / folder))
                names.push_back(entry.path());
        return names;
    }
    std::string text_of(const fs::path& path) {
        std::ifstream file(path);
        return std::string(std::istreambuf_iterator<char>(file), {});
    }
    /// A program that writes its path and arguments to a file.
    std::string program(int status = 0) {
        return fmt::format("#!/bin/sh\necho \"$0 $*\" >{}\nexit {}\n",
                           (directory_.path() / "arguments").string(), status);
    }

    static constexpr std::string_view agent_name = "charioteer.agent";
    std::string shell_;
    fakes::TemporaryDirectory directory_;
    io::UniqueFd pipe_;
    char kind_ = 'c';
};

TEST_P(AgentScriptTest, IsValidShellSyntax) {
    auto file = directory_.path() / "script";
    std::ofstream(file) << agent_start_script(12345, UINT64_MAX) << "\n";
    EXPECT_EQ(std::system((shell_ + " -n " + file.string()).c_str()), 0);
}

TEST_P(AgentScriptTest, StartsTheProgramAndRemovesIt) {
    auto body = program();
    make_pipe("rest of a frame \xfe\x01\n\nmore" + agent_upload(body, chosen_nonce));
    EXPECT_EQ(run(body.size()), "started");
    auto file = (directory_.path() / "one" / ".charioteer-agent").string();
    EXPECT_EQ(text_of(directory_.path() / "arguments"), file + " 0 abcdef detach\n");
    EXPECT_THAT(left(), testing::IsEmpty());
}

/// systemd starts services in C.UTF-8, where bash's `read` reads whole characters.
TEST_P(AgentScriptTest, SkipsAnIncompleteCharacterBeforeTheProgram) {
    auto body = program();
    make_pipe("rest of a frame \xf0\x9f" + agent_upload(body, chosen_nonce));
    EXPECT_EQ(run(body.size()), "started");
}

TEST_P(AgentScriptTest, WithoutHeadItUsesDd) {
    link_tools({"chmod", "cat", "rm", "dd"});
    auto body = program();
    make_pipe(agent_upload(body, chosen_nonce));
    EXPECT_EQ(run(body.size()), "started");
    EXPECT_THAT(left(), testing::IsEmpty());
}

TEST_P(AgentScriptTest, ReportsWhatIsMissing) {
    EXPECT_EQ(run(9), "no-port");
    make_port("vport1p1", "another");
    EXPECT_EQ(run(9), "no-port");
    make_port("vport2p1", std::string(agent_name));
    EXPECT_EQ(run(9), "no-device");
    // /dev/tty exists, but cannot be opened without a controlling terminal.
    make_device("/dev/tty");
    EXPECT_EQ(run(9), "no-folder");
    link_tools({"chmod", "cat", "rm"});
    EXPECT_EQ(run(9), "no-reader");
    EXPECT_THAT(left(), testing::IsEmpty());
}

TEST_P(AgentScriptTest, ReportsTheStatusOfTheProgram) {
    auto body = program(3);
    make_pipe(agent_upload(body, chosen_nonce));
    EXPECT_EQ(run(body.size()), "status-3");
    EXPECT_THAT(left(), testing::IsEmpty());
}

TEST_P(AgentScriptTest, TriesTheNextFolderIfOneIsNoexec) {
    auto body = program();
    make_pipe(agent_upload(body, chosen_nonce));
    // This chmod removes the execute permission in the first folder only.
    fs::remove(bin() / "chmod");
    std::ofstream(bin() / "chmod") << "#!/bin/sh\ncase $2 in */one/*) exec /bin/chmod 600 \"$2\";; "
                                      "esac\nexec /bin/chmod \"$@\"\n";
    fs::permissions(bin() / "chmod", fs::perms(0755));
    EXPECT_EQ(run(body.size()), "started");
    EXPECT_THAT(text_of(directory_.path() / "arguments"), testing::HasSubstr("/two/"));
    EXPECT_THAT(left(), testing::IsEmpty());
}

TEST_P(AgentScriptTest, ReportsThatAllFoldersAreNoexec) {
    auto body = program();
    make_pipe(agent_upload(body, chosen_nonce));
    fs::remove(bin() / "chmod");
    fs::create_symlink("/bin/true", bin() / "chmod");
    EXPECT_EQ(run(body.size()), "status-126");
    EXPECT_THAT(left(), testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Shells, AgentScriptTest,
                         testing::Values("bash", "bash --posix", "dash", "busybox sh"),
                         [](const auto& each) {
                             std::string name = each.param;
                             std::erase_if(name, [](char c) { return !isalnum(c); });
                             return name;
                         });

TEST(AgentProgram, EveryWordIsExplained) {
    for (auto word : {"no-port", "no-device", "no-reader", "no-folder", "status-126", "status-1"})
        EXPECT_FALSE(explain_start(word).empty());
    EXPECT_TRUE(may_be_tried_again("no-folder"));
    EXPECT_FALSE(may_be_tried_again("no-port"));
}

}  // namespace
}  // namespace charioteer::machine
