#pragma once

#include <memory>

#include "io/runtime.hpp"
#include "machine/host.hpp"

namespace charioteer::python {

namespace asio = boost::asio;

/// What all objects of the module share: the io thread and the host. Made when first needed; its
/// thread ends with the interpreter, the object itself never, so that whatever outlives the
/// interpreter finds it.
class Core {
public:
    static Core& instance();

    io::Runtime& runtime() noexcept { return runtime_; }
    const std::shared_ptr<machine::Host>& host() const noexcept { return host_; }

    /// Drops `object` on the io thread, where its sockets belong.
    template <class T>
    void dispose(std::shared_ptr<T> object) {
        asio::post(runtime_.executor(), [object = std::move(object)] {});
    }

private:
    Core();

    io::Runtime runtime_;
    std::shared_ptr<machine::Host> host_;
};

}  // namespace charioteer::python
