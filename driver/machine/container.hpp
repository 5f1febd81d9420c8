#pragma once

#include <memory>
#include <string>

#include "machine/container_agent.hpp"
#include "machine/guest_parts.hpp"

namespace charioteer::machine {

/// A container, which others start and end: what runs in it. Io thread only.
class Container {
public:
    Container(std::string name, std::shared_ptr<Host> host, io::EventSink sink);
    Container(const Container&) = delete;
    Container& operator=(const Container&) = delete;
    ~Container();

    const GuestParts& parts() const noexcept { return parts_; }

    /// It has started. Throws io::Error when its first process has gone already.
    void enter(ContainerEntry entry);
    /// Its end was waited for. Idempotent.
    void leave();

private:
    std::shared_ptr<ContainerAgent> agent_;
    GuestParts parts_;
};

}  // namespace charioteer::machine
