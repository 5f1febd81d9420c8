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
      copy_limits_(copy_limits),
      chosen_(executor) {}

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
    while (choosing_) co_await chosen_.wait();
    if (choice_) co_return *choice_;
    choosing_ = true;
    std::exception_ptr failure;
    try {
        choice_ = co_await choose_accelerator(std::move(wanted), time_);
    } catch (...) {
        failure = std::current_exception();
    }
    choosing_ = false;
    chosen_.notify_all();
    if (failure) std::rethrow_exception(failure);
    sink({io::EventKind::log, {}, choice_->describe()});
    co_return *choice_;
}

}  // namespace charioteer::machine
