#pragma once

namespace charioteer::fakes {

/// Programs that tests run, as absolute paths. They are not macros of the compiler's command line,
/// with which the compiler cache would not have the objects of another checkout.
extern const char* const agent_program;
extern const char* const agent_directory;
/// A command for a shell.
extern const char* const fake_qemu_command;
extern const char* const driver_to_kill;

}  // namespace charioteer::fakes
