// driver_to_kill DIRECTORY: claims DIRECTORY, starts a shell whose children ignore signals, prints
// their process ids, and waits to be killed.

#include <unistd.h>

#include <cstdio>

#include "io/runtime.hpp"
#include "process/child.hpp"
#include "process/directory_claims.hpp"

int main(int, char** argv) {
    using namespace charioteer;
    auto claims = process::DirectoryClaims::start();
    auto claim = claims->claim(argv[1]);
    io::Runtime runtime;
    process::ProcessSpec spec;
    spec.arguments = {
        "sh", "-c",
        "trap '' TERM HUP; setsid sleep 1000 & echo $!; (sleep 1001; true) & echo $!; "
        "echo $$; wait"};
    spec.environment = process::own_environment();
    spec.keep_open = claim.lock();
    auto print = [](std::string_view bytes) {
        std::fwrite(bytes.data(), 1, bytes.size(), stdout);
        std::fflush(stdout);
    };
    auto child = runtime.start(process::Child::spawn(spec, print, runtime.time())).get();
    ::pause();
}
