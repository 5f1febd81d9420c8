#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <memory>

#include "interpreter_lock.hpp"
#include "io/runtime.hpp"
#include "machine/host.hpp"

namespace charioteer::python {

namespace asio = boost::asio;

/// The io thread and the host, which all objects of the module share. Created when first needed.
/// Its thread ends with the interpreter; the object is never destroyed, because other objects may
/// outlive the interpreter.
class Core {
public:
    /// The first call needs the interpreter lock, and releases it meanwhile.
    static Core& instance();

    /// Whether this is a forked child of the process that created it, without its threads.
    bool is_foreign() const noexcept { return ::getpid() != owner_; }
    pid_t owner() const noexcept { return owner_; }

    io::Runtime& runtime() noexcept { return runtime_; }
    const std::shared_ptr<machine::Host>& host() const noexcept { return host_; }

    /// Runs `function` on the io thread, without waiting for it. Once the interpreter is ending,
    /// and in a forked child, there is no such thread: then `function` is leaked, because sockets
    /// in it refer to an io_context that does not exist any more. Needs the interpreter lock.
    template <class Function>
    void post(Function function) {
        if (interpreter_ends() || is_foreign())
            new Function(std::move(function));
        else
            asio::post(runtime_.executor(), std::move(function));
    }

    /// Releases `object` on the io thread, to which its sockets belong.
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
