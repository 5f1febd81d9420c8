#include "vlan/vlan.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "io/error.hpp"
#include "io/signals_blocked.hpp"
#include "vlan/capture/capture_file.hpp"
#include "vlan/capture/stream_server.hpp"
#include "vlan/segment.hpp"
#include "vlan/sockets.hpp"
#include "vlan/tap_port.hpp"

namespace charioteer::vlan {

namespace {

/// Between questions whether the machines of all plugs are known.
constexpr auto plugs_pause = std::chrono::milliseconds(5);

/// Clients find the path in the system's list of sockets, in whichever directory they run; unless
/// the absolute path is too long for a socket.
io::UniqueFd listen_for_captures(const std::filesystem::path& directory) {
    auto path = capture_path(directory);
    auto absolute = std::filesystem::absolute(path);
    bool fits = absolute.native().size() < sizeof sockaddr_un::sun_path;
    return listen_on(fits ? absolute : path);
}

/// An end of a trunk: its buffer is that of a plug if it is a socket, and otherwise it becomes
/// non-blocking. Throws io::Error.
void make_ready(int descriptor) {
    if (is_socket(descriptor)) return enlarge_send_buffer(descriptor);
    auto flags = ::fcntl(descriptor, F_GETFL);
    if (flags < 0 || ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) < 0)
        throw io::system_error("an end of a trunk cannot be used", errno);
}

}  // namespace

Vlan::Vlan(int number, std::filesystem::path directory, io::EventSink sink, VlanSettings settings)
    : number_(number),
      directory_(directory / fmt::format("vde{}.ctl", number)),
      recording_(std::make_shared<capture::Recording>(capture::Recording::Settings{})) {
    try {
        prepare_directory(directory_);
        segment_ = std::make_unique<Segment>(number, directory_, std::move(sink), *recording_,
                                             std::move(settings.names));
        streams_ =
            std::make_unique<capture::StreamServer>(listen_for_captures(directory_), recording_);
        if (!settings.tap.empty()) segment_->attach_tap(open_tap(settings.tap), settings.tap);
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
    stop({});
}

std::filesystem::path Vlan::stream_path() const {
    return vlan::stream_path(directory_);
}

Counters Vlan::counters() const {
    return segment_->counters();
}

std::vector<capture::Sent> Vlan::sent() const {
    return recording_->sent();
}

/// Runs `function` on the segment's thread.
template <class Function>
auto Vlan::on_segment(Function function, io::Deadline deadline) const {
    auto run = [segment = segment_.get(), function = std::move(function)]() mutable {
        return function(*segment);
    };
    return segment_->mailbox().call(std::move(run), deadline,
                                    fmt::format("vlan {} did not answer", number_));
}

std::vector<PlugOwner> Vlan::plugs(io::Deadline deadline) const {
    auto reason = fmt::format("vlan {} did not answer", number_);
    for (;;) {
        auto list = [segment = segment_.get()] { return segment->plugs(); };
        auto found = segment_->mailbox().call(list, deadline, reason);
        if (found) return std::move(*found);
        // The thread has answered; what is missing is a name.
        reason = fmt::format("vlan {} does not know the machine of each plug", number_);
        std::this_thread::sleep_for(plugs_pause);
    }
}

void Vlan::add_fault(fault::Spec spec, io::Deadline deadline) {
    on_segment([spec = std::move(spec)](
                   Segment& segment) mutable { segment.hub().add_fault(std::move(spec)); },
               deadline);
}

void Vlan::remove_fault(std::string name, io::Deadline deadline) {
    on_segment([name = std::move(name)](Segment& segment) { segment.remove_fault(name); },
               deadline);
}

void Vlan::name_address(Address address, std::string machine, io::Deadline deadline) {
    on_segment([address, machine = std::move(machine)](
                   Segment& segment) { segment.name_address(address, machine); },
               deadline);
}

std::shared_ptr<Trunk> Vlan::join(TrunkEnds ends, io::Deadline deadline) {
    auto trunk = std::make_shared<Trunk>(ends.host);
    // Other programs may have an end of a pipe, too; sockets are not changed.
    for (const auto* end : {&ends.input, &ends.output})
        if (*end) make_ready(end->get());
    auto join = [trunk, ends = std::move(ends)](Segment& segment) mutable {
        segment.join(std::move(ends), trunk);
    };
    try {
        on_segment(std::move(join), deadline);
    } catch (io::Error& error) {
        error.add_context(fmt::format("joining vlan {} to that of {}", number_, trunk->host()));
        throw;
    }
    return trunk;
}

void Vlan::end_trunk(std::shared_ptr<Trunk> trunk, io::Deadline deadline) {
    on_segment([trunk = std::move(trunk)](Segment& segment) { segment.end_trunk(*trunk); },
               deadline);
}

void Vlan::keep_frames() {
    recording_->keep();
}

void Vlan::write_last_frames(io::UniqueFd file, std::string comment) const {
    capture::write_ring(file.get(), recording_, std::move(comment));
}

std::shared_ptr<capture::CaptureFile> Vlan::capture(io::UniqueFd file, std::string comment) {
    auto capture =
        std::make_shared<capture::CaptureFile>(std::move(file), recording_, std::move(comment));
    std::lock_guard lock(captures_mutex_);
    captures_.push_back(capture);
    return capture;
}

void Vlan::stop(StopLimits limits) noexcept {
    if (!thread_.joinable()) return;
    segment_->stop();
    thread_.join();
    segment_->close();
    streams_->stop(limits.clients);
    {
        std::lock_guard lock(captures_mutex_);
        for (const auto& capture : captures_) capture->begin_stop();
        auto end = std::chrono::steady_clock::now() + limits.disks;
        for (const auto& capture : captures_)
            capture->stop(std::max(end - std::chrono::steady_clock::now(), io::Duration::zero()));
    }
    clear_directory(directory_);
}

std::vector<std::filesystem::path> Vlan::paths() const {
    std::vector<std::filesystem::path> result;
    for (std::size_t port = 0; port < max_ports; ++port)
        result.push_back(data_path(directory_, static_cast<PortId>(port)));
    result.push_back(control_path(directory_));
    result.push_back(vlan::stream_path(directory_));
    result.push_back(capture_path(directory_));
    result.push_back(directory_);
    return result;
}

}  // namespace charioteer::vlan
