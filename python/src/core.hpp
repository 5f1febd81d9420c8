#pragma once

#include <memory>

#include "interpreter_lock.hpp"
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

    /// Runs `function` on the io thread, without waiting for it. Once the interpreter is ending
    /// there is no such thread; then neither `function` nor what it holds is touched any more,
    /// since sockets in it refer to an io_context that has gone. Needs the interpreter lock.
    template <class Function>
    void post(Function function) {
        if (interpreter_ends())
            new Function(std::move(function));
        else
            asio::post(runtime_.executor(), std::move(function));
    }

    /// Drops `object` on the io thread, where its sockets belong.
    template <class T>
    void dispose(std::shared_ptr<T> object) {
        post([object = std::move(object)] {});
    }

private:
    Core();

    io::Runtime runtime_;
    std::shared_ptr<machine::Host> host_;
};

}  // namespace charioteer::python
