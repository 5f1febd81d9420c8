#pragma once

#include "machine/context.hpp"
#include "machine/qemu.hpp"

namespace charioteer::machine {

/// Reports, as events of kind `state`, that the machine's QEMU has started, its QMP events from now
/// on, and its end. Io thread only; keeps neither the QEMU nor the machine alive.
void report_states(const Context& context, Qemu& qemu);

}  // namespace charioteer::machine
