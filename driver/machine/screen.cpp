// What a machine does with its screen.

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "machine/machine.hpp"

namespace charioteer::machine {

namespace {

namespace fs = std::filesystem;

/// A file that QEMU writes. It may run as somebody else, or see other directories; it can write to
/// the machine's own. Gone with the object.
class DumpFile {
public:
    explicit DumpFile(fs::path path) : path_(std::move(path)) {}
    DumpFile(const DumpFile&) = delete;
    DumpFile& operator=(const DumpFile&) = delete;
    ~DumpFile() {
        std::error_code ignored;
        fs::remove(path_, ignored);
    }

    const fs::path& path() const noexcept { return path_; }
    std::string content() const {
        std::ifstream input(path_, std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(input), {});
    }

private:
    fs::path path_;
};

}  // namespace

asio::awaitable<void> Machine::dump_screen(fs::path path, std::string format) {
    json::object arguments{{"filename", path.native()}, {"format", format}};
    co_await qmp("screendump", std::move(arguments));
}

asio::awaitable<void> Machine::screenshot(fs::path path) {
    DumpFile dump(claim_.path() / fmt::format("screen-{}.png", ++screen_dumps_));
    co_await dump_screen(dump.path(), "png");
    try {
        fs::copy_file(dump.path(), path, fs::copy_options::overwrite_existing);
    } catch (const fs::filesystem_error& error) {
        throw io::Error(fmt::format("{}: cannot write the screenshot to {}: {}", name(),
                                    path.string(), error.code().message()));
    }
}

asio::awaitable<screen::Picture> Machine::picture() {
    DumpFile dump(claim_.path() / fmt::format("screen-{}.ppm", ++screen_dumps_));
    co_await dump_screen(dump.path(), "ppm");
    try {
        co_return screen::parse_ppm(dump.content());
    } catch (io::Error& error) {
        error.add_context(name());
        throw;
    }
}

}  // namespace charioteer::machine
