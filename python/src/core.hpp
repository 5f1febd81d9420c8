#pragma once

#include <sys/types.h>
#include <unistd.h>

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
    /// The first call needs the interpreter lock, and lets go of it meanwhile.
    static Core& instance();

    /// In a child that was forked from the process that made it: its threads are not there.
    bool is_foreign() const noexcept { return ::getpid() != owner_; }
    pid_t owner() const noexcept { return owner_; }

    io::Runtime& runtime() noexcept { return runtime_; }
    const std::shared_ptr<machine::Host>& host() const noexcept { return host_; }

    /// Runs `function` on the io thread, without waiting for it. Once the interpreter is ending,
    /// and in a forked child, there is no such thread; then neither `function` nor what it holds is
    /// touched any more, since sockets in it refer to an io_context that has gone. Needs the
    /// interpreter lock.
    template <class Function>
    void post(Function function) {
        if (interpreter_ends() || is_foreign())
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
    static Core* make();

    pid_t owner_ = ::getpid();
    io::Runtime runtime_;
    std::shared_ptr<machine::Host> host_;
};

}  // namespace charioteer::python
