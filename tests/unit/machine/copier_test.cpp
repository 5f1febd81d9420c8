// Copies to and from a guest without an agent: the commands for the guest, which a fake runner
// answers.

#include "machine/copier.hpp"

#include <algorithm>
#include <fstream>

#include "unit/machine/fake_runner.hpp"
#include "unit/machine/machine_fixture.hpp"

namespace charioteer::machine {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;

constexpr auto mount_check = "grep -q ' /tmp/shared ' /proc/mounts";
/// Bytes of a block of an archive that is copied through the shell.
constexpr std::size_t block = 64 * 1024;

class CopierTest : public MachineTest {
protected:
    void SetUp() override {
        MachineTest::SetUp();
        auto machine = make(plain);
        run(machine->start(options()));
        const auto& parts = machine->parts();
        copier_ = std::make_shared<Copier>(parts.context, parts.agent, runner_);
        write(file_, "content");
    }
    void TearDown() override {
        run_on_io([this] {
            copier_.reset();
            return 0;
        });
        MachineTest::TearDown();
    }
    /// A guest in which the shared folder is mounted, or not.
    void play(bool shared, FakeRunner::Answer answer) {
        runner_->answer([shared, answer = std::move(answer)](const std::string& text) {
            return text == mount_check ? outcome(shared ? 0 : 1) : answer(text);
        });
    }
    std::vector<std::string> commands() const {
        std::vector<std::string> texts;
        for (const auto& command : runner_->commands()) texts.push_back(command.text);
        return texts;
    }
    /// The path on the host of the file below /tmp/shared that is named in `text`.
    fs::path on_host(const std::string& text) const {
        auto begin = text.find("/tmp/shared/") + std::string_view("/tmp/shared/").size();
        return directory_.path() / text.substr(begin, text.find_first_of(" '", begin) - begin);
    }
    static void write(const fs::path& path, std::string_view content) {
        std::ofstream(path, std::ios::binary) << content;
    }
    static std::string read(const fs::path& path) {
        std::ifstream file(path, std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(file), {});
    }
    /// The archive of `file_` as the guest packs it: in blocks, of which the last is padded.
    std::string archive() const {
        auto command = fmt::format("tar -cf - -C {} file", directory_.path().string());
        auto* pipe = ::popen(command.c_str(), "r");
        std::string bytes;
        char piece[4096];
        while (auto size = ::fread(piece, 1, sizeof piece, pipe)) bytes.append(piece, size);
        ::pclose(pipe);
        bytes.resize((bytes.size() + block - 1) / block * block);
        return bytes;
    }

    std::shared_ptr<FakeRunner> runner_ = std::make_shared<FakeRunner>();
    std::shared_ptr<Copier> copier_;
    fs::path file_ = directory_.path() / "file";
    fs::path back_ = directory_.path() / "back";
};

TEST_F(CopierTest, CopiesAFileIntoTheGuestByTheSharedFolder) {
    std::string seen;
    play(true, [&](const std::string& text) {
        seen = read(on_host(text));
        return outcome(0);
    });
    run(copier_->copy_in(file_, "/srv/it"));
    EXPECT_EQ(seen, "content");
    EXPECT_THAT(
        commands(),
        ElementsAre(mount_check, MatchesRegex("\\{ mkdir -p -- /srv && cp -r -- "
                                              "'?/tmp/shared/[^ ]*/file'? /srv/it; \\} 2>&1")));
}

TEST_F(CopierTest, CopiesAFileFromTheGuestByTheSharedFolder) {
    play(true, [&](const std::string& text) {
        write(on_host(text), "of the guest");
        return outcome(0);
    });
    run(copier_->copy_out("/srv/it/", back_));
    EXPECT_EQ(read(back_), "of the guest");
    EXPECT_THAT(commands(),
                ElementsAre(mount_check,
                            MatchesRegex("cp -rH -- /srv/it '?/tmp/shared/[^ ]*/content 2>&1")));
}

TEST_F(CopierTest, TheMountIsCheckedOnceInABoot) {
    play(true, [](const std::string&) { return outcome(0); });
    run(copier_->copy_in(file_, "/a"));
    run(copier_->copy_in(file_, "/b"));
    auto count = [&] { return std::ranges::count(commands(), std::string(mount_check)); };
    EXPECT_EQ(count(), 1);
    run_on_io([&] {
        copier_->forget_share();
        return 0;
    });
    run(copier_->copy_in(file_, "/c"));
    EXPECT_EQ(count(), 2);
}

TEST_F(CopierTest, WithoutTheFolderAnArchiveIsCopiedInThroughTheShell) {
    // The root shell itself receives the pieces; it runs on this host, with this TMPDIR.
    run(machines_.back()->connect(options()));
    auto temporary = machines_.back()->config().state_directory;
    // A character that no header of an archive has, such as the name of a user.
    write(file_, std::string(1'000'000, '#'));
    std::string archive;
    play(false, [&](const std::string& text) {
        constexpr std::string_view name = "charioteer-copy-0123456789abcdef";
        auto folder = temporary / text.substr(text.find(name.substr(0, 16)), name.size());
        if (text.starts_with("mkdir -m 700 ")) fs::create_directory(folder);
        if (text.find("tar -xf ") != text.npos) archive = read(folder / "archive");
        return outcome(0);
    });
    run(copier_->copy_in(file_, "/srv/it"));
    EXPECT_EQ(archive.substr(0, 5), std::string("file\0", 5));
    EXPECT_EQ(std::ranges::count(archive, '#'), 1'000'000);
    // The mount check, making a folder, and unpacking the archive.
    ASSERT_EQ(commands().size(), 3U);
    EXPECT_THAT(commands()[1], MatchesRegex("mkdir -m 700 \"[^\"]*\"/charioteer-copy-[^ ]*"));
    EXPECT_THAT(commands()[2], HasSubstr("/srv/it"));
}

TEST_F(CopierTest, WithoutTheFolderAnArchiveIsCopiedOutThroughTheShell) {
    auto bytes = archive();
    play(false, [&](const std::string& text) {
        return outcome(0, text.starts_with("cat ") ? bytes : "");
    });
    run(copier_->copy_out("/srv/file", back_));
    EXPECT_EQ(read(back_), "content");
    // The mount check, packing, one piece, and the status.
    EXPECT_EQ(commands().size(), 4U);
}

TEST_F(CopierTest, ATruncatedPieceOfAnArchiveIsDetectedAndTheGuestIsCleanedUp) {
    auto cut = archive();
    cut.pop_back();
    play(false,
         [&](const std::string& text) { return outcome(0, text.starts_with("cat ") ? cut : ""); });
    auto failure = failure_of<io::Error>([&] { run(copier_->copy_out("/srv/file", back_)); });
    EXPECT_THAT(failure.what(), HasSubstr("web: cannot copy /srv/file to the host: 65535 bytes "
                                          "were received for a piece of the guest's archive"));
    EXPECT_FALSE(fs::exists(back_));
    // The folder is removed after the error was returned.
    while (run_on_io([&] { return runner_->commands().size(); }) < 4) std::this_thread::yield();
    EXPECT_THAT(commands().back(), HasSubstr("rm -rf "));
}

TEST_F(CopierTest, AFailedStepInTheGuestIsAnErrorWithItsOutput) {
    play(true, [](const std::string&) { return outcome(1, "cp: no space left"); });
    auto failure = failure_of<io::Error>([&] { run(copier_->copy_in(file_, "/srv/it")); });
    EXPECT_THAT(failure.what(),
                HasSubstr("to /srv/it: the guest's command ended with exit code 1"));
    EXPECT_THAT(all_notes(failure), HasSubstr("cp: no space left"));
}

}  // namespace
}  // namespace charioteer::machine
