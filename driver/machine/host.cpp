#include "machine/host.hpp"

#include "screen/library.hpp"

namespace charioteer::machine {

Host::Host(const asio::any_io_executor& executor, io::TimeSource& time, std::function<void()> idle,
           CopyLimits copy_limits)
    : executor_(executor),
      time_(time),
      idle_(std::move(idle)),
      claims_(process::DirectoryClaims::start()),
      disk_(executor),
      copy_limits_(copy_limits) {}

screen::Reader& Host::reader(const ReaderOptions& options) {
    if (!reader_) {
        auto make_engine = [data = options.language_data] { return screen::make_tesseract(data); };
        reader_ = std::make_unique<screen::Reader>(executor_, make_engine, options.workers);
    }
    return *reader_;
}

asio::awaitable<void> Host::end_reading(io::Deadline deadline) {
    if (reader_) co_await reader_->end(deadline);
}

asio::awaitable<AcceleratorChoice> Host::accelerator(std::string wanted, io::EventSink sink) {
    if (choice_) co_return *choice_;
    auto choose = [this, wanted = std::move(wanted),
                   sink = std::move(sink)]() -> asio::awaitable<AcceleratorChoice> {
        AcceleratorFiles files;
        auto choice = co_await choose_accelerator(wanted, disk_, time_, files);
        sink({io::EventKind::log, {}, choice.describe()});
        choice_ = choice;
        co_return choice;
    };
    co_return co_await choosing_.run(std::move(choose));
}

}  // namespace charioteer::machine
