/// charioteer-guard: stands between the driver and what the driver starts or makes on disk, so that
/// nothing is left over when the driver dies without a chance to clean up (kill -9).
///
///   charioteer-guard run COMMAND...   runs COMMAND; ends all its descendants with the driver
///   charioteer-guard clean            removes what the driver named when the driver has gone
///   charioteer-guard probe-kvm        finds out whether KVM works, where a hang does no harm

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
