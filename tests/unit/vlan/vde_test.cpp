#include "vlan/vde.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstring>

#include "plugs.hpp"

namespace charioteer::vlan::vde {
namespace {

std::string request(const char* path = "/run/plug") {
    return fakes::vde_request(path) + "QEMU user=root pid=1";
}

Progress feed(RequestReader& reader, std::string_view text) {
    return reader.feed(std::as_bytes(std::span(text)));
}

Progress feed_changed(std::size_t offset, std::uint32_t word) {
    auto text = request();
    std::memcpy(text.data() + offset, &word, sizeof word);
    RequestReader reader;
    auto progress = feed(reader, text);
    EXPECT_EQ(progress == Progress::garbage, !reader.error().empty());
    return progress;
}

TEST(VdeRequest, IsParsedInAnyPieces) {
    auto text = request();
    for (std::size_t size = 1; size <= text.size(); ++size) {
        RequestReader reader;
        auto progress = Progress::incomplete;
        for (std::size_t at = 0; at < text.size(); at += size) {
            EXPECT_EQ(progress == Progress::complete, at >= request_size);
            progress = feed(reader, text.substr(at, size));
        }
        EXPECT_EQ(progress, Progress::complete);
        EXPECT_STREQ(reader.address().sun_path, "/run/plug");
    }
}

TEST(VdeRequest, MayRequestAPort) {
    EXPECT_EQ(feed_changed(8, 7 << 8), Progress::complete);
}

TEST(VdeRequest, IsInvalidWithAnotherMagicVersionOrType) {
    EXPECT_EQ(feed_changed(0, 0xfeedfacf), Progress::garbage);
    EXPECT_EQ(feed_changed(4, 2), Progress::garbage);
    EXPECT_EQ(feed_changed(8, 1), Progress::garbage);
}

TEST(VdeRequest, IsInvalidWithoutAUsableAddress) {
    EXPECT_EQ(feed_changed(12, AF_INET), Progress::garbage);
    RequestReader nameless;
    EXPECT_EQ(feed(nameless, request("")), Progress::garbage);
    RequestReader endless;
    EXPECT_EQ(feed(endless, request(std::string(108, 'x').c_str())), Progress::garbage);
}

TEST(VdeRequest, IsRejectedAtTheFirstInvalidField) {
    RequestReader reader;
    EXPECT_EQ(feed(reader, "GET "), Progress::garbage);
}

}  // namespace
}  // namespace charioteer::vlan::vde
