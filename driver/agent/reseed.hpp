#pragma once

namespace charioteer::agent {

/// The built-in program `reseed`: adds the bytes of standard input, at most 256, to the kernel's
/// random numbers, and makes the kernel generate new ones from them at once. Returns 0; 1 when the
/// input is empty or the kernel refuses.
int reseed();

}  // namespace charioteer::agent
