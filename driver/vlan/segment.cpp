#include "vlan/segment.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "io/error.hpp"
#include "vlan/peer.hpp"
#include "vlan/stream_port.hpp"
#include "vlan/tap_port.hpp"

namespace charioteer::vlan {

namespace {

/// The largest number of control connections, with and without a plug; further ones are rejected.
constexpr std::size_t max_controls = 2 * max_ports;

}  // namespace

Segment::Segment(int number, std::filesystem::path directory, io::EventSink sink,
                 capture::Recording& recording, PeerNames::Settings names)
    : number_(number),
      directory_(std::move(directory)),
      sink_(std::move(sink)),
      vde_listener_(listen_on(control_path(directory_))),
      stream_listener_(listen_on(stream_path(directory_))),
      spare_(::open("/dev/null", O_RDONLY | O_CLOEXEC)),
      hub_(number, counters_, recording),
      trunks_(
          static_cast<unsigned>(number),
          [this](PortId id, const trunk::Name& name) {
              hub_.name_address(id, name.address, name.machine);
          },
          [this](std::string text) {
              sink_({io::EventKind::warning, {}, fmt::format("vlan {}: {}", number_, text)});
          }),
      names_(std::move(names), [this] { poller_.wake(); }) {
    hub_.observe_machines([this](PortId from, Address address, const std::string& machine) {
        trunks_.named(from, address, machine);
    });
    poller_.add(vde_listener_.get(), {Source::Kind::vde_listener, 0});
    poller_.add(stream_listener_.get(), {Source::Kind::stream_listener, 0});
}

void Segment::run() noexcept {
    try {
        while (!stopping_) {
            for (const auto& event : poller_.wait()) serve(event);
            if (names_.is_waiting()) attach_newcomers();
            send_due();
        }
    } catch (const std::exception& error) {
        sink_({io::EventKind::warning,
               {},
               fmt::format("vlan {} has stopped: {}", number_, error.what())});
    }
    mailbox_.close();
}

void Segment::stop() noexcept {
    stopping_ = true;
    poller_.wake();
}

std::optional<std::vector<PlugOwner>> Segment::plugs() const {
    if (!newcomers_.empty()) return std::nullopt;
    std::vector<PlugOwner> owners;
    hub_.for_each([&](PortId id, const Port&) { owners.push_back(hub_.owner(id)); });
    return owners;
}

void Segment::close() noexcept {
    vde_listener_.reset();
    stream_listener_.reset();
    controls_.clear();
    trunks_.close_all("the vlan was stopped");
    newcomers_.clear();
    hub_.clear();
}

void Segment::serve(const epoll_event& event) {
    auto source = source_of(event);
    switch (source.kind) {
        case Source::Kind::wake:
            poller_.take_wake();
            mailbox_.run();
            break;
        case Source::Kind::timer:
            break;  // what is due follows
        case Source::Kind::vde_listener:
            accept_each(vde_listener_.get(), &Segment::handle_control);
            break;
        case Source::Kind::stream_listener:
            accept_each(stream_listener_.get(), &Segment::take_stream);
            break;
        case Source::Kind::control:
            serve_control(source.index);
            break;
        case Source::Kind::port:
            serve_port(static_cast<PortId>(source.index), event.events);
            break;
        case Source::Kind::port_output:
            serve_output(static_cast<PortId>(source.index), event.events);
            break;
    }
}

void Segment::serve_port(PortId id, std::uint32_t events) {
    auto* port = hub_.find(id);
    if (port == nullptr) return;  // removed earlier in this iteration
    if ((events & EPOLLOUT) != 0) port->drain();
    auto link = Port::Link::up;
    if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) link = hub_.forward(id);
    if (link == Port::Link::broken && !trunks_.is_trunk(id))
        warn_once(Problem::stream_garbage,
                  "a stream plug announced a frame that is too long and was disconnected");
    if (link != Port::Link::up) detach(id);
    watch_backlogs();
}

void Segment::serve_output(PortId id, std::uint32_t events) {
    auto* port = hub_.find(id);
    if (port == nullptr) return;  // removed earlier in this iteration
    port->drain();
    // What it reads from may be open still.
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) detach(id, "the other side does not read it");
    watch_backlogs();
}

void Segment::serve_control(std::size_t index) {
    auto* connection = controls_[index].get();
    if (connection == nullptr) return;
    switch (connection->read()) {
        case ControlConnection::State::waiting:
            return;
        case ControlConnection::State::requested:
            try {
                ask_for_name(connection->descriptor(), {0, {}, static_cast<std::uint32_t>(index)});
                return;
            } catch (const io::Error& error) {
                warn_refused(error);
            }
            break;
        case ControlConnection::State::garbage:
            warn_once(Problem::control_garbage,
                      fmt::format("a request on {} {}; the connection was closed",
                                  control_path(directory_).native(), connection->error()));
            break;
        case ControlConnection::State::ended:
            break;
    }
    close_control(index);
}

void Segment::accept_each(int listener, void (Segment::*take)(io::UniqueFd)) {
    while (auto socket = accept_or_shed(listener)) {
        try {
            (this->*take)(std::move(socket));
        } catch (const io::Error& error) {
            warn_refused(error);
        }
    }
}

void Segment::handle_control(io::UniqueFd socket) {
    auto place = std::find(controls_.begin(), controls_.end(), nullptr);
    auto index = static_cast<std::size_t>(place - controls_.begin());
    if (index == max_controls)
        throw io::Error(fmt::format("there are {} control connections already", max_controls));
    if (index == controls_.size()) controls_.emplace_back();
    poller_.add(socket.get(), {Source::Kind::control, static_cast<std::uint32_t>(index)});
    controls_[index] = std::make_unique<ControlConnection>(std::move(socket));
}

void Segment::take_stream(io::UniqueFd socket) {
    enlarge_send_buffer(socket.get());
    auto descriptor = socket.get();
    ask_for_name(descriptor, {0, std::move(socket), 0});
}

/// Continues with attach() when the machine of the process at the other end of `socket` is known.
/// Throws io::Error if there are max_ports already.
void Segment::ask_for_name(int socket, Newcomer newcomer) {
    hub_.expect_room(newcomers_.size());
    newcomer.ticket = ++last_ticket_;
    names_.ask(newcomer.ticket, peer_process(socket), std::chrono::steady_clock::now());
    newcomers_.push_back(std::move(newcomer));
}

void Segment::attach_newcomers() {
    for (const auto& answer : names_.take(std::chrono::steady_clock::now())) {
        auto found = std::find_if(newcomers_.begin(), newcomers_.end(),
                                  [&](const auto& each) { return each.ticket == answer.ticket; });
        if (found == newcomers_.end()) continue;  // it has disconnected
        if (answer.is_late)
            warn_once(
                Problem::unnamed,
                "the system does not say to which machine a plug belongs; faults and captures "
                "do not find its machine");
        auto newcomer = std::move(*found);
        newcomers_.erase(found);
        attach(std::move(newcomer), answer.machine);
    }
}

void Segment::attach(Newcomer newcomer, const std::string& machine) {
    try {
        if (!newcomer.stream) return attach_vde(newcomer.control, machine);
        auto id = hub_.free_id();
        auto port = std::make_unique<StreamPort>(std::move(newcomer.stream), counters_);
        watch(id, *port);
        hub_.add(id, std::move(port), machine);
    } catch (const io::Error& error) {
        warn_refused(error);
        if (!newcomer.stream) close_control(newcomer.control);
    }
}

void Segment::attach_tap(io::UniqueFd device, const std::string& name) {
    auto id = hub_.free_id();
    auto port = std::make_unique<TapPort>(std::move(device), counters_);
    watch(id, *port);
    hub_.add_shared(id, std::move(port), name);
}

void Segment::name_address(Address address, const std::string& machine) {
    std::optional<PortId> tap;
    hub_.for_each([&](PortId id, const Port&) {
        if (hub_.owner(id).is_shared && !trunks_.is_trunk(id)) tap = id;
    });
    hub_.name_address(tap, address, machine);
}

void Segment::join(TrunkEnds ends, std::shared_ptr<Trunk> trunk) {
    auto name = fmt::format("trunk-{}", ends.host);
    hub_.for_each([&](PortId id, const Port&) {
        if (hub_.owner(id).name == name)
            throw io::UsageError(fmt::format("there is a trunk to {} already", ends.host));
    });
    auto id = hub_.free_id();
    auto port = trunks_.open(id, std::move(ends), std::move(trunk), counters_);
    try {
        watch(id, *port);
    } catch (const io::Error& error) {
        trunks_.close(id, error.what());
        throw;
    }
    hub_.add_shared(id, std::move(port), std::move(name));
    watch_backlogs();
}

void Segment::end_trunk(const Trunk& trunk) {
    auto id = trunks_.find(trunk);
    if (hub_.find(id) == nullptr) return;
    trunks_.close(id, "it was closed by this side");
    detach(id);
}

io::UniqueFd Segment::accept_or_shed(int listener) {
    auto socket = accept_from(listener);
    if (socket || (errno != EMFILE && errno != ENFILE)) return socket;
    spare_.reset();
    accept_from(listener);
    spare_ = io::UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    warn_once(Problem::no_descriptors,
              "rejected a plug: the driver has too many open files (see ulimit -n)");
    return {};
}

void Segment::attach_vde(std::uint32_t index, const std::string& machine) {
    auto& connection = *controls_[index];
    auto id = hub_.free_id();
    auto path = data_path(directory_, id);
    auto socket = connect_datagram(path, connection.plug_address());
    auto port = std::make_unique<DatagramPort>(std::move(socket), counters_, buffers_);
    watch(id, *port);
    hub_.add(id, std::move(port), machine);
    // If the plug has disconnected, the end of its connection is handled later.
    if (!connection.answer(address_of(path), id)) close_control(index);
}

void Segment::close_control(std::size_t index) {
    if (auto port = controls_[index]->port()) detach(*port);
    std::erase_if(newcomers_,
                  [&](const auto& each) { return !each.stream && each.control == index; });
    controls_[index].reset();
}

void Segment::watch(PortId id, const Port& port) {
    awaiting_room_[id] = false;
    poller_.add(port.descriptor(), {Source::Kind::port, id});
    if (port.output() != port.descriptor())
        poller_.add(port.output(), {Source::Kind::port_output, id});
}

void Segment::detach(PortId id, const std::string& reason) {
    if (trunks_.is_trunk(id))
        sink_({io::EventKind::warning,
               {},
               fmt::format("vlan {}: {}", number_, trunks_.close(id, reason))});
    hub_.remove(id);
    std::error_code ignored;
    std::filesystem::remove(data_path(directory_, id), ignored);
}

void Segment::remove_fault(const std::string& name) {
    hub_.remove_fault(name);
    watch_backlogs();
}

void Segment::send_due() {
    auto due = hub_.next_due();
    if (due && *due <= std::chrono::steady_clock::now()) {
        hub_.send_due();
        watch_backlogs();
        due = hub_.next_due();
    }
    if (auto name_due = names_.next_due()) due = std::min(*name_due, due.value_or(*name_due));
    poller_.set_timer(due);
}

void Segment::watch_backlogs() {
    hub_.for_each([this](PortId id, Port& port) {
        if (port.has_backlog() == awaiting_room_[id]) return;
        awaiting_room_[id] = port.has_backlog();
        auto kind =
            port.output() == port.descriptor() ? Source::Kind::port : Source::Kind::port_output;
        poller_.want_write(port.output(), {kind, id}, awaiting_room_[id]);
    });
}

void Segment::warn_refused(const io::Error& error) {
    warn_once(Problem::refused, fmt::format("rejected a plug: {}", error.what()));
}

void Segment::warn_once(Problem problem, const std::string& text) {
    auto& warned = warned_[static_cast<std::size_t>(problem)];
    if (std::exchange(warned, true)) return;
    sink_({io::EventKind::warning, {}, fmt::format("vlan {}: {}", number_, text)});
}

}  // namespace charioteer::vlan
