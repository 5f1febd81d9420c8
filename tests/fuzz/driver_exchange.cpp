// The driver's receiving end: whatever a guest sends makes it neither fail nor keep more than it
// gave room for. The first byte says in which pieces the rest comes.

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "channel/exchange.hpp"

using namespace charioteer;

namespace {

constexpr std::uint64_t nonce = 1;

void feed(std::string_view bytes, std::size_t piece) {
    boost::asio::io_context context;
    io::SteadyTime time;
    auto exchange = channel::Exchange::make(
        context.get_executor(), [](std::string_view) {}, [](const std::string&) {}, time);
    exchange->expect(nonce);
    std::shared_ptr<channel::Call> call;
    while (!bytes.empty()) {
        if (!call && exchange->usable()) call = exchange->start({.text = "true"});
        exchange->take_bytes(bytes.substr(0, piece));
        bytes.remove_prefix(std::min(piece, bytes.size()));
        context.poll();
    }
    call.reset();
    exchange->close("the fuzzer has nothing more");
    context.poll();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    std::string_view bytes(reinterpret_cast<const char*>(data), size);
    feed(bytes.substr(1), 1 + data[0]);
    return 0;
}
