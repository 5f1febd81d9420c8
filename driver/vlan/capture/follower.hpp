#pragma once

#include <memory>
#include <string>
#include <vector>

#include "vlan/capture/latest_addresses.hpp"
#include "vlan/capture/recording.hpp"

namespace charioteer::vlan::capture {

/// Makes the content of a capture file from a recording. One thread at a time.
class Follower {
public:
    struct Options {
        Cursor::Begin begin = Cursor::Begin::now;
        /// Only frames that a card of this machine has sent, and those for one of its addresses
        /// (Recording::learn(), and the sources of its frames here) or for a group of stations.
        /// Empty: all frames.
        std::string machine;
        std::string comment;  ///< about the file
    };

    Follower(std::shared_ptr<Recording> recording, Options options);

    /// Appends what was recorded since the last call, as complete blocks; about 256 KiB at most,
    /// and one record. False if nothing is left to be read.
    bool read(std::string& out);
    /// From now on, frames that are recorded later are not read.
    void stop_at_end() { cursor_.stop_at_end(); }
    /// Appends the last blocks: how many frames each interface had, and how many were lost.
    void finish(std::string& out);

private:
    /// What is known of an interface; its number in the file is that in the recording.
    struct Sender {
        bool is_of_machine = false;
        std::uint64_t accepted = 0;
        std::uint64_t reported_lost = 0;  ///< those in the packets so far
    };

    void begin_file(std::string& out);
    void describe_interfaces(std::string& out);
    void add(std::string& out, const Record& record);
    bool is_wanted(const Sender& sender, Bytes frame);

    Cursor cursor_;
    Options options_;
    std::vector<Sender> senders_;
    LatestAddresses addresses_;  ///< of the machine
    bool has_begun_ = false;
};

}  // namespace charioteer::vlan::capture
