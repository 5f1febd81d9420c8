// Arbitrary bytes, then enough zeros to complete any frame among them, then a frame: it is found.
// The first byte of the input is the size of the pieces.

#include <vector>

#include "frames/frame.hpp"
#include "fuzz/input.hpp"

using namespace charioteer;
using fuzz::require;

namespace {

class Receiver {
public:
    explicit Receiver(frames::Expect expect) : expect_(expect) {}

    void feed(frames::Bytes bytes) {
        waiting_.insert(waiting_.end(), bytes.begin(), bytes.end());
        for (;;) {
            auto found = frames::scan(waiting_, expect_);
            if (found.kind == frames::Scan::Kind::incomplete) break;
            require(found.size > 0 && found.size <= waiting_.size());
            if (found.kind == frames::Scan::Kind::frame) take(found);
            waiting_.erase(waiting_.begin(),
                           waiting_.begin() + static_cast<std::ptrdiff_t>(found.size));
        }
        require(waiting_.size() < frames::max_frame);
    }
    bool found_last() const { return found_last_; }

    static constexpr std::uint32_t last_stream = 0x1a57;

private:
    void take(const frames::Scan& found) {
        require(found.payload.size() == found.header.length);
        require(found.size == frames::header_size + found.payload.size());
        require(found.payload.size() <= frames::max_payload);
        require(expect_ == frames::Expect::any || found.header.type == frames::Type::hello);
        found_last_ = found.header.stream == last_stream;
    }

    frames::Expect expect_;
    std::vector<unsigned char> waiting_;
    bool found_last_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    auto options = input.byte();
    Receiver receiver((options & 1) != 0 ? frames::Expect::any : frames::Expect::hello);
    std::size_t piece = options / 2 + 1;
    for (std::size_t taken = 0; !input.empty();) {
        const auto* begin = input.bytes(piece, taken);
        receiver.feed({begin, taken});
    }
    std::vector<unsigned char> zeros(frames::max_frame);
    receiver.feed(zeros);
    std::vector<unsigned char> frame(frames::header_size);
    frames::write_header({.type = frames::Type::hello, .stream = Receiver::last_stream}, {},
                         std::span(frame).first<frames::header_size>());
    receiver.feed(frame);
    require(receiver.found_last());
    return 0;
}
