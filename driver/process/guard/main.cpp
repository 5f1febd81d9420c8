/// charioteer-guard: a process between the driver and the processes and files that it creates,
/// which cleans up if the driver is killed (kill -9).
///
///   charioteer-guard run COMMAND...   runs COMMAND; kills all its descendants when the driver ends
///   charioteer-guard clean            cleans up claimed directories when the driver ends
///   charioteer-guard probe-kvm        tests KVM in a process of its own, because the test may hang

#include <cstdio>
#include <cstring>

#include "process/guard/clean.hpp"
#include "process/guard/probe_kvm.hpp"
#include "process/guard/run.hpp"

int main(int argc, char** argv) {
    namespace guard = charioteer::process::guard;
    if (argc >= 3 && std::strcmp(argv[1], "run") == 0) return guard::run(argv + 2);
    if (argc == 2 && std::strcmp(argv[1], "clean") == 0) return guard::clean();
    if (argc == 2 && std::strcmp(argv[1], "probe-kvm") == 0) return guard::probe_kvm();
    std::fputs("charioteer-guard is started by the Charioteer driver, not by hand\n", stderr);
    return 2;
}
