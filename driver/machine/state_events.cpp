#include "machine/state_events.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/json/serialize.hpp>
#include <memory>
#include <utility>

#include "machine/guest_state.hpp"

namespace charioteer::machine {

namespace {

asio::awaitable<void> report_end(std::shared_ptr<process::Child> child, io::EventSink sink,
                                 std::string machine) {
    auto status = co_await child->wait(io::Deadline::never());
    io::Event event{io::EventKind::state, std::move(machine), "end"};
    event.details = {{"status", status.describe()}};
    sink(event);
}

}  // namespace

void report_states(const Context& context, Qemu& qemu) {
    const auto& sink = context.sink();
    const auto& machine = context.name();
    auto child = qemu.share_child();
    bool kvm = context.accelerator().accelerator == Accelerator::kvm;
    sink({io::EventKind::state,
          machine,
          "start",
          {{"pid", std::to_string(child->pid())},
           {"qemu", qemu.qmp().version()},
           {"accelerator", kvm ? "kvm" : "tcg"}}});
    qemu.qmp().on_event([sink, machine](const json::object& event) {
        io::Event change{io::EventKind::state, machine, "qmp"};
        change.details.emplace_back("event", event_name(event));
        if (const auto* data = event.if_contains("data"))
            change.details.emplace_back("data", json::serialize(*data));
        sink(change);
        return false;
    });
    asio::co_spawn(context.executor(), report_end(child, sink, machine), asio::detached);
}

}  // namespace charioteer::machine
