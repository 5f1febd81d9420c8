#include "machine/start_script.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "fakes/temporary_directory.hpp"
#include "io/error.hpp"
#include "shell/bash_words.hpp"

namespace charioteer::machine {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::filesystem::path write_script(const fakes::TemporaryDirectory& directory,
                                   std::string_view text) {
    auto path = directory.path() / "run-web-vm";
    std::ofstream(path) << text;
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
}

TEST(StartScript, NamesTheMachineAfterTheScript) {
    EXPECT_EQ(machine_name("/nix/store/abc-vm/bin/run-web-vm"), "web");
    EXPECT_EQ(machine_name("run-a-vm-b-vm"), "a-vm-b");
    EXPECT_EQ(machine_name("/run-x/bin/run-y-vm"), "x/bin/run-y");
    EXPECT_EQ(machine_name("qemu-system-x86_64 -m 384"), "machine");
    EXPECT_EQ(machine_name("run-vm"), "machine");
    EXPECT_EQ(machine_name("run--vm"), "machine");
}

TEST(StartScript, AddsTheDriversArgumentsAfterTheStartCommand) {
    StartOptions options;
    options.arguments = {"-device", "vhost-vsock-pci,guest-cid=3"};
    auto command = launch_command("FOO=1 /bin/run-web-vm", Sockets("/s"), options);
    EXPECT_THAT(command, StartsWith("FOO=1 /bin/run-web-vm -qmp "));
    EXPECT_THAT(command, HasSubstr(" -qmp unix:/s/qmp,server=on,wait=off "));
    EXPECT_THAT(command, HasSubstr(" -monitor unix:/s/monitor "));
    EXPECT_THAT(command, HasSubstr(" -chardev socket,id=shell,path=/s/shell "));
    EXPECT_THAT(command, HasSubstr(" -device virtconsole,chardev=shell "));
    EXPECT_THAT(command, HasSubstr(" -serial stdio -no-reboot -nographic "));
    EXPECT_THAT(command, EndsWith(" -device vhost-vsock-pci,guest-cid=3"));
}

TEST(StartScript, UsesACommandLineOfTheCaller) {
    StartOptions options;
    options.full_command = "/bin/run-web-vm -mine";
    options.arguments = {"-machine", "accel=tcg"};
    options.agent = false;
    EXPECT_EQ(launch_command("/bin/run-web-vm", Sockets("/s"), options),
              "/bin/run-web-vm -mine -machine accel=tcg");
}

TEST(StartScript, AddsAPortForTheAgentAfterTheConsole) {
    auto command = launch_command("run", Sockets("/s"), {});
    EXPECT_THAT(command, EndsWith(" -chardev socket,id=agent,path=/s/agent "
                                  "-device virtserialport,chardev=agent,name=charioteer.agent,"
                                  "id=charioteer.agent"));
    EXPECT_LT(command.find("chardev=shell"), command.find("chardev=agent"));
}

TEST(StartScript, OmitsOptionsOnRequest) {
    StartOptions options;
    options.agent = false;
    options.allow_reboot = true;
    options.graphical = true;
    auto command = launch_command("run", Sockets("/s"), options);
    EXPECT_THAT(command, Not(HasSubstr("-no-reboot")));
    EXPECT_THAT(command, Not(HasSubstr("-nographic")));
    EXPECT_THAT(command, Not(HasSubstr("agent")));
}

TEST(StartScript, RunsAScriptWithShellCharactersInItsPath) {
    fakes::TemporaryDirectory directory;
    auto folder = directory.path() / "it's 5% $HOME;, \xc3\xbc";
    std::filesystem::create_directory(folder);
    auto script = folder / "run-web-vm";
    std::ofstream(script) << "#!/bin/sh\n";
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    check_start_command(script.native());
    EXPECT_THAT(launch_command(script.native(), Sockets("/s"), {}),
                StartsWith(shell::quote(script.native()) + " -qmp "));
    // Shell code, although it looks like a path.
    EXPECT_THAT(launch_command(script.native() + " -m 1", Sockets("/s"), {}),
                StartsWith(script.native() + " -m 1 -qmp "));
}

TEST(StartScript, DoublesCommasInPaths) {
    EXPECT_THAT(launch_command("run", Sockets("/a,b"), {}), HasSubstr("path=/a,,b/shell"));
}

TEST(StartScript, NamesACharacterInThePathThatScriptsMayNotQuote) {
    EXPECT_THAT(quoting_hint("/tmp/a,b/vm-state-web"),
                AllOf(HasSubstr("/tmp/a,b/vm-state-web has the character ','"),
                      HasSubstr("set XDG_RUNTIME_DIR")));
    EXPECT_EQ(quoting_hint("/tmp/\xc3\xbc-5%/vm-state-web"), "");
}

TEST(StartScript, SetsWhatStartScriptsRead) {
    auto environment =
        launch_environment({"TMPDIR=/old", "QEMU_OPTS=-m 9"}, "web", "/state", "/shared");
    EXPECT_THAT(environment, Contains("TMPDIR=/state"));
    EXPECT_THAT(environment, Not(Contains("TMPDIR=/old")));
    EXPECT_THAT(environment, Contains("SHARED_DIR=/shared"));
    EXPECT_THAT(environment, Contains("USE_TMPDIR=1"));
    EXPECT_THAT(environment, Contains("NIX_EFI_VARS=/state/web-efi-vars.fd"));
    EXPECT_THAT(environment, Contains("QEMU_OPTS=-m 9"));
}

TEST(StartScript, NamesTheMachineToWhatItStarts) {
    auto environment = named_environment({"CHARIOTEER_MACHINE=outer", "HOME=/root"}, "web");
    EXPECT_THAT(environment, ElementsAre("HOME=/root", "CHARIOTEER_MACHINE=web"));
}

TEST(StartScript, DescribesAMissingScript) {
    try {
        check_start_command("/does/not/exist/run-web-vm");
        FAIL();
    } catch (const io::UsageError& error) {
        EXPECT_STREQ(error.what(), "the start script /does/not/exist/run-web-vm does not exist");
    }
}

TEST(StartScript, DescribesAScriptThatCannotBeExecuted) {
    fakes::TemporaryDirectory directory;
    auto path = write_script(directory, "#!/bin/sh\n");
    EXPECT_NO_THROW(check_start_command(path.native()));
    std::filesystem::permissions(path, std::filesystem::perms::owner_read);
    EXPECT_THROW(check_start_command(path.native()), io::UsageError);
    EXPECT_THROW(check_start_command(directory.path().native()), io::UsageError);
}

TEST(StartScript, LeavesShellFragmentsToTheShell) {
    EXPECT_NO_THROW(check_start_command("/does/not/exist --with arguments"));
    EXPECT_NO_THROW(check_start_command("FOO=1 run"));
}

TEST(StartScript, FindsTheAccelOption) {
    fakes::TemporaryDirectory directory;
    EXPECT_TRUE(uses_accel_option("qemu -accel kvm"));
    EXPECT_FALSE(uses_accel_option("qemu -machine accel=kvm:tcg"));
    auto path = write_script(directory, "exec qemu -accel kvm -m 384\n");
    EXPECT_TRUE(uses_accel_option(path.native()));
}

}  // namespace
}  // namespace charioteer::machine
