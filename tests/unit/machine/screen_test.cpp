// Screenshots of a machine.

#include "machine_fixture.hpp"

namespace charioteer::machine {
namespace {

using testing::HasSubstr;

std::size_t files_in(const std::filesystem::path& folder) {
    std::filesystem::directory_iterator files(folder);
    return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

TEST_F(MachineTest, TheCaptureHasTheSizeOfTheScreenAndLeavesNoFile) {
    auto machine = make(plain);
    run(machine->start(options()));
    auto before = files_in(machine->config().state_directory);
    auto picture = run(machine->parts().screen->picture(io::Deadline::never()));
    EXPECT_EQ(picture.width, 300U);
    EXPECT_EQ(picture.height, 200U);
    EXPECT_EQ(picture.pixels.size(), 300U * 200 * 3);
    EXPECT_EQ(files_in(machine->config().state_directory), before);
}

TEST_F(MachineTest, AScreenshotThatCannotBeWrittenIsAnErrorWithItsPath) {
    auto machine = make(plain);
    run(machine->start(options()));
    auto failure = failure_of<io::Error>(
        [&] { run(machine->parts().screen->save("/does/not/exist/screen.png")); });
    EXPECT_THAT(failure.what(), HasSubstr("web: cannot write the screenshot to /does/not/exist"));
}

}  // namespace
}  // namespace charioteer::machine
