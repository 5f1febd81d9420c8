// Copies through the agent, which runs on this host.

#include <sys/stat.h>

#include <fstream>

#include "files/tree_writer.hpp"
#include "unit/machine/agent_fixture.hpp"

namespace charioteer::machine {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
namespace fs = std::filesystem;

class AgentFilesTest : public AgentTest {
protected:
    void SetUp() override {
        AgentTest::SetUp();
        fs::create_directories(inside_);
    }
    /// Sets the stall limit of copies for new machines; under TCG five times that.
    void set_stall_limit(io::Duration stall) {
        host_ = std::make_shared<Host>(runtime_.executor(), runtime_.time(), nullptr,
                                       CopyLimits{stall});
    }
    static void write(const fs::path& path, std::string_view content) {
        std::ofstream(path, std::ios::binary) << content;
    }
    static std::string read(const fs::path& path) {
        std::ifstream file(path, std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(file), {});
    }
    /// A copy that has started and cannot end: its data is not read.
    io::Pending<void> begin_copy_that_hangs(const std::shared_ptr<Machine>& machine) {
        ::mkfifo((inside_ / "pipe").c_str(), 0600);
        reader_ = io::UniqueFd(::open((inside_ / "pipe").c_str(), O_RDONLY | O_NONBLOCK));
        write(outside_, std::string(5'000'000, 'x'));
        auto pending = runtime_.start(machine->parts().copier->copy_in(outside_, inside_ / "pipe"));
        char byte = 0;
        while (::read(reader_.get(), &byte, 1) != 1) std::this_thread::yield();
        return pending;
    }
    /// A folder with thousands of files.
    fs::path many_files() const {
        auto top = directory_.path() / "many";
        for (int folder = 0; folder < 50; ++folder) {
            auto place = top / std::to_string(folder);
            fs::create_directories(place);
            for (int file = 0; file < 100; ++file) write(place / std::to_string(file), "x");
        }
        return top;
    }
    std::vector<fs::path> in_folder(const fs::path& folder) {
        std::vector<fs::path> names;
        for (const auto& entry : fs::directory_iterator(folder))
            names.push_back(entry.path().filename());
        return names;
    }

    fs::path inside_ = directory_.path() / "guest";
    fs::path outside_ = directory_.path() / "source";
    fs::path back_ = directory_.path() / "back";
    io::UniqueFd reader_;
};

TEST_F(AgentFilesTest, AFileIsReplacedAndAFolderIsNot) {
    auto machine = connected(with_agent);
    write(inside_ / "f", "new");
    write(back_, "old");
    run(machine->parts().copier->copy_out(inside_ / "f", back_));
    EXPECT_EQ(read(back_), "new");
    auto failure = failure_of<files::TargetExists>(
        [&] { run(machine->parts().copier->copy_out(inside_, back_)); });
    EXPECT_THAT(failure.what(),
                testing::MatchesRegex("web: cannot copy .*/guest to the host: .* exists already"));
}

TEST_F(AgentFilesTest, TheErrorIsTheLastLineOfTheGuest) {
    auto machine = connected(with_agent);
    auto failure =
        failure_of<io::Error>([&] { run(machine->parts().copier->copy_out("/nothing", back_)); });
    EXPECT_STREQ(
        failure.what(),
        "web: cannot copy /nothing to the host: send: /nothing: no such file or directory");
}

TEST_F(AgentFilesTest, SkippedEntriesAreLoggedUpToALimit) {
    auto machine = connected(with_agent);
    for (int number = 0; number < 30; ++number)
        ::mkfifo((inside_ / std::to_string(number)).c_str(), 0600);
    run(machine->parts().copier->copy_out(inside_, back_));
    auto logged = events();
    auto is_warning = [](const auto& text) { return text.find("skipped: ") != text.npos; };
    EXPECT_EQ(std::count_if(logged.begin(), logged.end(), is_warning), 10);
    EXPECT_THAT(logged, Contains("and 20 more like that"));
    run(machine->parts().copier->copy_in(inside_, (directory_.path() / "other").string()));
    EXPECT_THAT(events(),
                Contains(HasSubstr("is not a file, directory or link and is not copied")));
}

TEST_F(AgentFilesTest, APipeWithoutAReaderIsRejectedAsTarget) {
    auto machine = connected(with_agent);
    ::mkfifo((inside_ / "pipe").c_str(), 0600);
    write(outside_, "x");
    auto failure = failure_of<io::Error>(
        [&] { run(machine->parts().copier->copy_in(outside_, inside_ / "pipe")); });
    EXPECT_THAT(failure.what(), HasSubstr("a pipe without a reader"));
}

TEST_F(AgentFilesTest, AStalledCopyEnds) {
    set_stall_limit(40ms);
    auto machine = connected(with_agent);
    auto pending = begin_copy_that_hangs(machine);
    auto failure = failure_of<ShellError>([&] { pending.get(); });
    EXPECT_THAT(failure.what(), HasSubstr("web: nothing has moved for 0.04 s, after "));
    EXPECT_THAT(failure.what(), HasSubstr(" of 5.0 MB"));
    EXPECT_THAT(all_notes(failure), HasSubstr("while copying " + outside_.string() + " to "));
    EXPECT_EQ(execute(*machine, "echo still here").output, "still here\n");
}

TEST_F(AgentFilesTest, AGuestThatIsLostDuringACopyIsAnErrorWithNotes) {
    auto machine = connected(with_agent);
    execute(*machine, "echo last words >&2");
    auto pending = begin_copy_that_hangs(machine);
    EXPECT_THROW(run_all(*machine, "kill -9 $PPID"), ShellError);
    auto failure = failure_of<ShellError>([&] { pending.get(); });
    EXPECT_THAT(failure.what(), HasSubstr("web: the agent in the guest ended"));
    auto notes = all_notes(failure);
    EXPECT_THAT(notes, HasSubstr("while copying " + outside_.string() + " to "));
    EXPECT_THAT(notes, HasSubstr("last words"));
}

TEST_F(AgentFilesTest, ACopyFromAGuestThatIsLostLeavesNothing) {
    auto machine = connected(with_agent);
    for (const auto& number : {"1", "2", "3"})
        write(inside_ / number, std::string(50'000'000, 'x'));
    auto out = directory_.path() / "out";
    fs::create_directory(out);
    auto pending = runtime_.start(machine->parts().copier->copy_out(inside_, out / "copy"));
    while (in_folder(out).empty()) std::this_thread::yield();
    machine->process()->kill();
    auto failure = failure_of<ShellError>([&] { pending.get(); });
    EXPECT_THAT(all_notes(failure),
                HasSubstr("while copying " + inside_.string() + " to the host"));
    while (!in_folder(out).empty()) std::this_thread::yield();
}

TEST_F(AgentFilesTest, CancelledCopiesEndImmediatelyAndLeaveNothing) {
    auto machine = connected(with_agent);
    auto hanging = begin_copy_that_hangs(machine);
    hanging.cancel();
    EXPECT_THROW(hanging.get(), io::Interrupted);
    // Counting the files takes some time on the disk's thread.
    auto surveying = runtime_.start(machine->parts().copier->copy_in(many_files(), inside_));
    surveying.cancel();
    EXPECT_THROW(surveying.get(), io::Interrupted);
    write(inside_ / "large", std::string(100'000'000, 'x'));
    auto out = directory_.path() / "out";
    fs::create_directory(out);
    for (int round = 0; round < 5; ++round) {
        auto pending =
            runtime_.start(machine->parts().copier->copy_out(inside_ / "large", out / "copy"));
        while (in_folder(out).empty()) std::this_thread::yield();
        pending.cancel();
        EXPECT_THROW(pending.get(), io::Interrupted);
        while (!in_folder(out).empty()) std::this_thread::yield();
    }
    EXPECT_EQ(execute(*machine, "echo still here").output, "still here\n");
}

}  // namespace
}  // namespace charioteer::machine
