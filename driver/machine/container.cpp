#include "machine/container.hpp"

#include "machine/container_runner.hpp"

namespace charioteer::machine {

Container::Container(std::string name, std::shared_ptr<Host> host, io::EventSink sink) {
    MachineConfig config;
    config.name = std::move(name);
    config.is_container = true;
    auto context = std::make_shared<Context>(std::move(config), std::move(host), std::move(sink));
    agent_ = std::make_shared<ContainerAgent>(context);
    parts_.context = context;
    parts_.agent = agent_;
    parts_.runner = std::make_shared<ContainerRunner>(context, agent_);
    parts_.waiter = std::make_shared<Waiter>(context, agent_, parts_.runner);
    parts_.units = std::make_shared<UnitWatcher>(context, agent_, parts_.runner);
    parts_.copier = std::make_shared<Copier>(context, agent_, parts_.runner);
}

Container::~Container() {
    leave();
}

void Container::enter(ContainerEntry entry) {
    parts_.context->console()->reset();
    parts_.units->forget_managers();
    agent_->enter(std::move(entry));
}

void Container::leave() {
    agent_->leave();
}

}  // namespace charioteer::machine
