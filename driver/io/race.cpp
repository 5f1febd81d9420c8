#include "io/race.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

namespace charioteer::io::detail {

bool was_cancelled(const std::exception_ptr& failure) {
    if (!failure) return false;
    try {
        std::rethrow_exception(failure);
    } catch (const boost::system::system_error& error) {
        return error.code() == asio::error::operation_aborted;
    } catch (...) {
        return false;
    }
}

}  // namespace charioteer::io::detail
