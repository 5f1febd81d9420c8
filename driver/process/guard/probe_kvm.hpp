#pragma once

namespace charioteer::process::guard {

/// Runs a guest of two instructions under /dev/kvm, for at most a second. Returns 0 if it behaves
/// as expected; otherwise prints the reason to standard output and returns 1, or is killed by
/// SIGALRM if the guest hangs.
int probe_kvm();

}  // namespace charioteer::process::guard
