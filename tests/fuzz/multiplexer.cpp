// The driver receives arbitrary bytes of a guest: it neither fails nor sends more than a bounded
// amount in reply. The first byte of the input is the size of the pieces.

#include "channel/multiplexer.hpp"

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "fuzz/input.hpp"

using namespace charioteer;

namespace {

constexpr std::uint64_t nonce = 1;

void feed(std::string_view bytes, std::size_t piece) {
    boost::asio::io_context context;
    io::SteadyTime time;
    std::size_t received = bytes.size();
    std::size_t sent = 0;
    auto multiplexer = channel::Multiplexer::make(
        context.get_executor(), {.send = [&sent](std::string_view bytes) { sent += bytes.size(); }},
        {[](const std::string&) {}}, time);
    multiplexer->expect(nonce);
    std::shared_ptr<channel::Call> call;
    while (!bytes.empty()) {
        if (!call && multiplexer->usable()) call = multiplexer->start({.text = "true"});
        multiplexer->receive_bytes(bytes.substr(0, piece));
        bytes.remove_prefix(std::min(piece, bytes.size()));
        context.poll();
    }
    call.reset();
    multiplexer->close("end of the fuzzer's input");
    context.poll();
    // A hello, a command and its end, and once the padding that completes a truncated frame. Any
    // other reply is no longer than the bytes that caused it.
    fuzz::require(sent <= 1024 + 2 * frames::max_frame + received);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    std::string_view bytes(reinterpret_cast<const char*>(data), size);
    feed(bytes.substr(1), 1 + data[0]);
    return 0;
}
