#include "vlan/capture/follower.hpp"

#include <utility>

namespace charioteer::vlan::capture {

namespace {

constexpr std::size_t most_at_once = 256 << 10;

}  // namespace

Follower::Follower(std::shared_ptr<Recording> recording, Options options)
    : cursor_(std::move(recording), options.begin), options_(std::move(options)) {
    if (options_.machine.empty()) return;
    for (auto address : cursor_.recording().addresses(options_.machine)) addresses_.learn(address);
}

bool Follower::read(std::string& out) {
    begin_file(out);
    auto begin = out.size();
    while (out.size() - begin < most_at_once) {
        auto record = cursor_.next();
        if (!record) return false;
        add(out, *record);
    }
    return true;
}

void Follower::finish(std::string& out) {
    begin_file(out);
    auto now = cursor_.recording().now();
    for (InterfaceId each = 0; each < senders_.size(); ++each)
        pcapng::add_statistics(out, {each, cursor_.begin(), now, cursor_.passed(each),
                                     cursor_.lost(each), senders_[each].accepted});
}

void Follower::begin_file(std::string& out) {
    if (!std::exchange(has_begun_, true)) pcapng::add_section(out, options_.comment);
    describe_interfaces(out);
}

void Follower::describe_interfaces(std::string& out) {
    for (const auto& each :
         cursor_.recording().interfaces(static_cast<InterfaceId>(senders_.size()))) {
        pcapng::add_interface(out, each.name);
        senders_.push_back({each.machine == options_.machine});
    }
}

void Follower::add(std::string& out, const Record& record) {
    if (record.interface >= senders_.size()) describe_interfaces(out);
    auto& sender = senders_[record.interface];
    auto left = record.frames;
    while (!left.empty()) {
        auto size = read_length(left.data());
        auto frame = left.subspan(length_size, size);
        left = left.subspan(length_size + size);
        if (!is_wanted(sender, frame)) continue;
        auto lost = cursor_.lost(record.interface);
        pcapng::add_packet(out, {record.interface, record.time, frame, record.comment,
                                 lost - sender.reported_lost});
        sender.reported_lost = lost;
        ++sender.accepted;
    }
}

/// `frame` has a complete header.
bool Follower::is_wanted(const Sender& sender, Bytes frame) {
    if (options_.machine.empty()) return true;
    if (sender.is_of_machine) {
        addresses_.learn(source_of(frame));
        return true;
    }
    auto target = target_of(frame);
    return is_group(target) || addresses_.contains(target);
}

}  // namespace charioteer::vlan::capture
