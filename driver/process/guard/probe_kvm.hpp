#pragma once

namespace charioteer::process::guard {

/// Runs a guest of three instructions under /dev/kvm, for a second at most. Returns 0 when it did
/// what it should; otherwise says on standard output what went wrong and returns 1, or is ended by
/// SIGALRM when the guest hangs.
int probe_kvm();

}  // namespace charioteer::process::guard
