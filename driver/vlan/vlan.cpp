#include "vlan/vlan.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include "io/error.hpp"
#include "io/signals_blocked.hpp"
#include "vlan/segment.hpp"
#include "vlan/sockets.hpp"
#include "vlan/tap_port.hpp"

namespace charioteer::vlan {

Vlan::Vlan(int number, std::filesystem::path directory, io::EventSink sink, const std::string& tap)
    : number_(number), directory_(directory / fmt::format("vde{}.ctl", number)) {
    try {
        prepare_directory(directory_);
        segment_ = std::make_unique<Segment>(number, directory_, std::move(sink));
        if (!tap.empty()) segment_->attach_tap(open_tap(tap));
        // Signals must be handled by the threads of the host program.
        io::SignalsBlocked blocked;
        thread_ = std::thread([segment = segment_.get(), number] {
            pthread_setname_np(pthread_self(), fmt::format("vlan{}", number).substr(0, 15).c_str());
            segment->run();
        });
    } catch (io::Error& error) {
        error.add_context(fmt::format("starting vlan {}", number));
        throw;
    }
}

Vlan::~Vlan() {
    stop();
}

std::filesystem::path Vlan::stream_path() const {
    return vlan::stream_path(directory_);
}

Counters Vlan::counters() const {
    return segment_->counters();
}

void Vlan::stop() noexcept {
    if (!thread_.joinable()) return;
    segment_->stop();
    thread_.join();
    segment_->close();
    clear_directory(directory_);
}

std::vector<std::filesystem::path> Vlan::paths() const {
    std::vector<std::filesystem::path> result;
    for (std::size_t port = 0; port < max_ports; ++port)
        result.push_back(data_path(directory_, static_cast<PortId>(port)));
    result.push_back(control_path(directory_));
    result.push_back(vlan::stream_path(directory_));
    result.push_back(directory_);
    return result;
}

}  // namespace charioteer::vlan
