#include "io/outbox.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace charioteer::io {

asio::awaitable<void> Outbox::run() {
    boost::system::error_code failure;
    while (!stopped_ && !failure) {
        while (!stopped_ && waiting_.empty()) co_await changed_.wait();
        if (stopped_) break;
        auto piece = std::exchange(waiting_, {});
        writing_ = true;
        co_await asio::async_write(stream_, asio::buffer(piece),
                                   asio::redirect_error(asio::use_awaitable, failure));
        writing_ = false;
        changed_.notify_all();
    }
    stop();
}

}  // namespace charioteer::io
