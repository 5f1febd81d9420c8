#include "io/runtime.hpp"

#include <pthread.h>

#include <boost/system/system_error.hpp>
#include <stdexcept>

#include "io/signals_blocked.hpp"

namespace charioteer::io {

namespace detail {

std::exception_ptr translate_abort(std::exception_ptr failure) {
    if (!failure) return nullptr;
    try {
        std::rethrow_exception(failure);
    } catch (const boost::system::system_error& error) {
        if (error.code() == asio::error::operation_aborted)
            return std::make_exception_ptr(Interrupted("the wait was cancelled"));
        return std::make_exception_ptr(Error(error.what()));
    } catch (...) {
        return failure;
    }
}

}  // namespace detail

Runtime::Runtime()
    : context_(std::make_shared<asio::io_context>(1)), work_(context_->get_executor()) {
    {
        SignalsBlocked blocked;
        thread_ = std::thread([context = context_] { context->run(); });
    }
    pthread_setname_np(thread_.native_handle(), "charioteer-io");
}

Runtime::~Runtime() {
    stop();
}

void Runtime::stop() noexcept {
    if (!context_) return;
    context_->stop();
    if (thread_.joinable()) thread_.join();
    work_.reset();
    // Destroying the context destroys its operations, whose promises then settle.
    context_.reset();
}

void Runtime::expect_other_thread() const {
    if (!context_) throw Interrupted("the driver stopped");
    if (on_io_thread()) throw std::logic_error("Runtime::start called on the io thread");
}

}  // namespace charioteer::io
