#pragma once

#include <memory>
#include <string>

#include "machine/container_agent.hpp"
#include "machine/guest_parts.hpp"

namespace charioteer::machine {

/// The commands in one container, which the caller starts and ends. Io thread only.
class Container {
public:
    Container(std::string name, std::shared_ptr<Host> host, io::EventSink sink);
    Container(const Container&) = delete;
    Container& operator=(const Container&) = delete;
    ~Container();

    const GuestParts& parts() const noexcept { return parts_; }

    /// To be called when it has started. Throws io::Error when its first process has already ended.
    void enter(ContainerEntry entry);
    /// To be called after its end. Idempotent.
    void leave();

private:
    std::shared_ptr<ContainerAgent> agent_;
    GuestParts parts_;
};

}  // namespace charioteer::machine
