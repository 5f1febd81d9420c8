// Arbitrary bytes from a QMP socket are rejected with an error, or give the same messages in
// whatever pieces they arrive. Replies of any shape can be evaluated. The first byte of the input
// is the size of the pieces.

#include <boost/json/serialize.hpp>
#include <string>
#include <vector>

#include "fuzz/input.hpp"
#include "io/error.hpp"
#include "qmp/codec.hpp"

using namespace charioteer;
using fuzz::require;

namespace {

struct Describe {
    std::string operator()(const qmp::Greeting& greeting) const {
        return "greeting " + greeting.version;
    }
    std::string operator()(const qmp::Event& event) const {
        return "event " + boost::json::serialize(event.content);
    }
    std::string operator()(const qmp::Reply& reply) const {
        std::string text = "reply " + (reply.id ? std::to_string(*reply.id) : "without an id");
        try {
            return text + ": " + boost::json::serialize(qmp::result_of("command", reply));
        } catch (const io::Error& error) {
            return text + ": " + error.what();
        }
    }
};

/// The messages of `stream`, and the error that ended them.
std::vector<std::string> read(std::string_view stream, std::size_t piece) {
    qmp::MessageReader reader;
    std::vector<std::string> messages;
    bool broken = false;
    fuzz::feed(stream, piece, [&](std::string_view bytes) {
        if (broken) return;
        try {
            reader.feed(bytes);
            while (auto message = reader.next())
                messages.push_back(std::visit(Describe(), *message));
        } catch (const io::Error& error) {
            messages.emplace_back(error.what());
            broken = true;
        }
    });
    return messages;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    auto piece = input.byte() + std::size_t{1};
    auto stream = input.rest();
    require(read(stream, piece) == read(stream, stream.size()));
    return 0;
}
