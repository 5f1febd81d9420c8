#include "machine/screen_capture.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

namespace charioteer::machine {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// For reading or copying a picture, under KVM.
constexpr auto disk_limit = 60s;

}  // namespace

/// A file that QEMU writes, in the state directory: QEMU may run as another user, or with another
/// view of the file system, but can write there. The destructor removes the file.
class ScreenCapture::DumpFile {
public:
    explicit DumpFile(fs::path path) : path_(std::move(path)) {}
    DumpFile(const DumpFile&) = delete;
    DumpFile& operator=(const DumpFile&) = delete;
    ~DumpFile() { remove(); }

    const fs::path& path() const noexcept { return path_; }
    std::string content() const {
        std::ifstream input(path_, std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(input), {});
    }
    void remove() const noexcept {
        std::error_code ignored;
        fs::remove(path_, ignored);
    }

private:
    fs::path path_;
};

asio::awaitable<std::shared_ptr<ScreenCapture::DumpFile>> ScreenCapture::dump(std::string format,
                                                                              io::Deadline caller) {
    auto name = fmt::format("screen-{}.{}", ++dumps_, format);
    // Released on the disk's threads: the io thread never waits for a file system.
    auto file = context_->host().disk().own(
        std::make_unique<DumpFile>(context_->config().state_directory / name));
    json::object arguments{{"filename", file->path().native()}, {"format", format}};
    co_await monitor_->qmp("screendump", std::move(arguments), caller);
    co_return file;
}

asio::awaitable<void> ScreenCapture::save(fs::path path) {
    auto file = co_await dump("png", io::Deadline::never());
    auto copy = [file, path, name = context_->name()] {
        std::error_code failure;
        fs::copy_file(file->path(), path, fs::copy_options::overwrite_existing, failure);
        if (failure)
            throw io::Error(fmt::format("{}: cannot write the screenshot to {}: {}", name,
                                        path.string(), failure.message()));
        file->remove();
    };
    auto deadline = context_->deadline_after(disk_limit);
    co_await deadline.limit(context_->host().disk().run(std::move(copy)),
                            fmt::format("the disk did not write {}", path.string()));
}

asio::awaitable<screen::Picture> ScreenCapture::picture(io::Deadline caller) {
    auto file = co_await dump("ppm", caller);
    auto parse = [file] {
        auto content = file->content();
        file->remove();
        return screen::parse_ppm(content);
    };
    auto bound = disk_limit * context_->accelerator().limit_factor();
    auto deadline = command::at_most(bound, caller, context_->time());
    try {
        co_return co_await deadline.limit(
            context_->host().disk().run(std::move(parse)),
            fmt::format("the disk did not read {}", file->path().string()));
    } catch (io::Error& error) {
        error.add_context(context_->name());
        throw;
    }
}

}  // namespace charioteer::machine
