/// Capture files on a disk.

#include "vlan/capture/capture_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>

#include "../plugs.hpp"
#include "fakes/pcapng_blocks.hpp"
#include "frames.hpp"
#include "io/error.hpp"

namespace charioteer::vlan::capture {
namespace {

using namespace std::chrono_literals;
using charioteer::fakes::only;
using charioteer::fakes::PcapngBlock;
using charioteer::fakes::read_pcapng;
using fakes::Batch;
using fakes::counting_recording;
using fakes::frame;

class CaptureFileTest : public testing::Test {
protected:
    io::UniqueFd open() const {
        return io::UniqueFd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    }
    std::string content() const {
        std::ifstream file(path_, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    vlan::fakes::TemporaryDirectory directory_;
    std::filesystem::path path_ = directory_.path() / "mesh.pcapng";
    std::shared_ptr<Recording> recording_ = counting_recording();
    InterfaceId web_ = recording_->interface("web.1");
};

TEST_F(CaptureFileTest, HasTheFramesFromItsBeginToItsEnd) {
    recording_->add(web_, Batch({frame('d', 'w', "before")}));
    CaptureFile file(open(), recording_, "about it");
    recording_->add(web_, Batch({frame('d', 'w', "one"), frame('d', 'w', "two")}));
    EXPECT_EQ(file.stop(100s), "");
    recording_->add(web_, Batch({frame('d', 'w', "after")}));
    EXPECT_EQ(file.stop(100s), "") << "a second time";
    auto blocks = read_pcapng(content());
    auto packets = only(blocks, PcapngBlock::packet);
    ASSERT_EQ(packets.size(), 2u);
    EXPECT_EQ(packets[0].data, frame('d', 'w', "one"));
    EXPECT_EQ(packets[1].data, frame('d', 'w', "two"));
    EXPECT_EQ(only(blocks, PcapngBlock::statistics).at(0).option_number(6), 2u);
}

TEST_F(CaptureFileTest, IsWrittenWhileFramesAreAdded) {
    CaptureFile file(open(), recording_, {});
    recording_->add(web_, Batch({frame('d', 'w', "one")}));
    auto has_packet = [&] { return !only(read_pcapng(content()), PcapngBlock::packet).empty(); };
    // A write is complete when its size is visible; the test ends by its limit otherwise.
    while (!has_packet()) std::this_thread::yield();
    EXPECT_EQ(file.stop(100s), "");
}

TEST_F(CaptureFileTest, FullDiskIsReported) {
    CaptureFile file(io::UniqueFd(::open("/dev/full", O_WRONLY | O_CLOEXEC)), recording_, {});
    recording_->add(web_, Batch({frame('d', 'w', "one")}));
    EXPECT_EQ(file.stop(100s), "cannot write to the file: No space left on device");
}

TEST_F(CaptureFileTest, DiskThatTakesNothingDoesNotDelayTheEnd) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    io::UniqueFd disk(ends[0]);
    CaptureFile file(io::UniqueFd(ends[1]), recording_, {});
    // More than a pipe holds.
    for (int i = 0; i < 100; ++i)
        recording_->add(web_, Batch({frame('d', 'w', std::string(10'000, 'x'))}));
    EXPECT_EQ(file.stop(0s), "the disk has not taken all frames within 0 s");
    EXPECT_EQ(file.stop(100s), "the disk has not taken all frames within 0 s") << "a second time";
    // The thread ends when the disk takes the rest.
    std::array<char, 4096> bytes{};
    while (::read(disk.get(), bytes.data(), bytes.size()) > 0) {
    }
    EXPECT_EQ(recording_.use_count(), 1) << "the thread has closed the file after that";
}

TEST_F(CaptureFileTest, RingHasTheLastFrames) {
    for (int i = 0; i < 3; ++i) recording_->add(web_, Batch({frame('d', 'w', "frame")}));
    write_ring(open().get(), recording_, "the last frames");
    auto blocks = read_pcapng(content());
    EXPECT_EQ(blocks.at(0).text(1), "the last frames");
    EXPECT_EQ(only(blocks, PcapngBlock::packet).size(), 3u);
    EXPECT_EQ(only(blocks, PcapngBlock::statistics).at(0).option_number(4), 3u);
}

TEST_F(CaptureFileTest, RingThatCannotBeWrittenIsReported) {
    io::UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    EXPECT_THROW(write_ring(full.get(), recording_, {}), io::Error);
}

}  // namespace
}  // namespace charioteer::vlan::capture
