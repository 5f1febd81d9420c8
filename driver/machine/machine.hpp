#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/error.hpp"
#include "io/event.hpp"
#include "machine/console.hpp"
#include "machine/host.hpp"
#include "machine/instance.hpp"
#include "machine/limit.hpp"
#include "machine/start_script.hpp"
#include "process/janitor.hpp"
#include "systemd/manager.hpp"
#include "terminal/door.hpp"

namespace charioteer::files {
class Scratch;
class TreeReader;
class TreeWriter;
}  // namespace charioteer::files

namespace charioteer::machine {

namespace json = boost::json;

class Complaints;
class Copying;

/// Something that the test asked to be so is not so.
class RequestFailed : public io::Error {
public:
    using Error::Error;
};

/// The root shell did not appear, is lost, or does not answer.
class ShellError : public io::Error {
public:
    using Error::Error;
};

/// The machine is off where it has to run.
class NotRunning : public io::Error {
public:
    using Error::Error;
};

struct MachineConfig {
    std::string name;
    std::string start_command;  ///< a fragment of shell, most often the path of run-NAME-vm
    std::filesystem::path state_directory;
    std::filesystem::path shared_directory;  ///< what start scripts mount at /tmp/shared
    bool keep_state = false;                 ///< whether files of an earlier run stay
};

struct CommandOptions {
    bool check_return = true;
    bool check_output = true;
    bool tell = false;  ///< the lines of its standard output are told as they come
    std::optional<Limit> limit;
};

struct RunOptions {
    std::optional<std::string> input;  ///< its standard input; none: empty
    std::optional<Limit> limit;
    bool keep_errors = true;  ///< false: only the last of its standard error is kept
    bool set_off = false;     ///< returns when it has started, and leaves its output alone
    bool tell = false;        ///< the lines of its standard output are told as they come
    /// Gets the standard output as it comes, for a caller who wants it when the guest is lost.
    std::shared_ptr<std::string> output_so_far;
};

/// How a command ended, and what it said.
struct Outcome {
    int status = 0;  ///< 124 when its limit passed, 128 + n after signal n
    int signal = 0;  ///< that ended it, or 0
    std::string output;
    std::string errors;  ///< empty on the plain channel, where they go to the console
    io::Duration duration{};
    bool timed_out = false;
};

/// A command that is run again and again.
struct CommandWait {
    /// Whose the command is. An `attempt` is the script's: it runs under the limit of the wait, and
    /// one that this limit cuts off has failed. A `probe` is the driver's: the limit of the wait
    /// does not end it at once (probe_limit()), and one that is cut off says nothing.
    enum class Kind { attempt, probe };

    std::string command;
    bool success = true;  ///< that is waited for
    Limit limit;
    Kind kind = Kind::attempt;
    /// A program of the agent that ends when the command is likely to have that success; empty:
    /// there is none.
    std::vector<std::string> hint = {};
};

/// One virtual machine: its life cycle, its root shell, its monitor and its console. Coroutines are
/// for the io thread and need the object to be held while they run; all else is for any thread.
///
/// Errors name the machine and carry as notes what is known: the accelerator, how QEMU fares, the
/// last lines of the console.
class Machine : public std::enable_shared_from_this<Machine> {
public:
    /// Claims the state directory and, unless state is kept, empties it. Throws io::UsageError
    /// naming the process that uses it, io::Error.
    Machine(MachineConfig config, std::shared_ptr<Host> host, io::EventSink sink);
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    const std::string& name() const noexcept { return config_.name; }
    const MachineConfig& config() const noexcept { return config_; }
    /// QEMU was started, and nobody has noticed its end. Test scripts set it as they like: `false`
    /// ends what runs at the next start, `true` alone runs nothing.
    std::atomic<bool> booted = false;
    /// The root shell has greeted. Test scripts set it to false to wait for it anew.
    std::atomic<bool> connected = false;

    /// No-op when booted. Throws io::UsageError for a start command that cannot work and after
    /// release(), io::Error.
    asio::awaitable<void> start(StartOptions options);
    /// Starts the machine if need be, with `options`, and waits for its root shell.
    asio::awaitable<void> connect(StartOptions options);
    /// Lets another machine have the state directory. Throws io::UsageError while QEMU runs.
    asio::awaitable<void> yield_directory();
    /// Claims it again before a start; no-op unless it was yielded. Not on the io thread, for it
    /// waits as the constructor does, and throws the same.
    void claim_directory();
    /// Has the root shell power the guest off, and does not wait. No-op when QEMU has ended.
    asio::awaitable<void> power_off();
    /// Ends QEMU as a pulled plug would. Returns when it is gone. Throws io::TimeoutError when
    /// even SIGKILL does not end it.
    asio::awaitable<void> crash();
    /// Waits for QEMU to end, and forgets its connections. Throws io::TimeoutError.
    asio::awaitable<void> wait_for_shutdown(io::Deadline deadline);
    /// Ends QEMU, gently at first unless it is still starting, and closes everything; for good.
    /// Idempotent. Throws io::TimeoutError as crash() does.
    asio::awaitable<void> release();
    /// The process of the last start, or null before the first. Io thread.
    std::shared_ptr<process::Child> process() const;

    /// Runs `command` in the root shell; the machine must be connected. Output is bytes. Throws
    /// ShellError when there is no answer to be had.
    asio::awaitable<shell::CommandResult> execute(std::string command, CommandOptions options);
    /// The same with all that can be known of it. The output is told and kept as the options say.
    /// Input takes an agent.
    asio::awaitable<Outcome> run(std::string command, RunOptions options);
    /// Whether an agent in the guest takes commands now. Io thread.
    bool has_agent() const;
    /// Bytes that went over the agent's line, in both directions, since QEMU started. Io thread.
    std::uint64_t agent_bytes() const;
    /// Has the agent start something. Throws ShellError when there is none.
    asio::awaitable<std::shared_ptr<channel::Call>> begin(channel::Request request);
    /// The next piece of what it says; none once it has ended. Throws io::TimeoutError, ShellError
    /// with all that is known when the guest is gone or silent.
    asio::awaitable<std::optional<channel::Piece>> next_piece(std::shared_ptr<channel::Call> call,
                                                              io::Deadline deadline);
    /// Its process id, and input for it. Throw ShellError, as next_piece() does.
    asio::awaitable<std::uint32_t> process_of(std::shared_ptr<channel::Call> call);
    asio::awaitable<void> write(std::shared_ptr<channel::Call> call, std::string bytes);
    /// Runs a command until its success is the wanted one; returns its last output. Throws
    /// RequestFailed after the limit and a last try, ShellError when the guest does not answer.
    asio::awaitable<std::string> wait_for_command(CommandWait wait);
    /// Waits until the systemd unit is active. Throws RequestFailed when it fails or cannot become
    /// active any more, or after the limit. `user` as for systemctl_command().
    asio::awaitable<void> wait_for_unit(std::string unit, std::optional<std::string> user,
                                        Limit limit);

    /// A copy of the root shell's socket; commands wait until detach_shell().
    asio::awaitable<io::UniqueFd> attach_shell();
    asio::awaitable<void> detach_shell();

    /// Copies a file or tree of the host as `cp -r` would. Throws io::Error, ShellError when the
    /// guest is lost or nothing moves any more.
    asio::awaitable<void> copy_in(std::filesystem::path source, std::string target);
    /// Copies a file or tree of the guest to exactly `target`, where a file is replaced by a file.
    /// No link that the guest made is followed on the host. Throws as copy_in(), and
    /// files::TargetExists.
    asio::awaitable<void> copy_out(std::string source, std::filesystem::path target);

    /// A QMP command; the value of its reply. Throws qmp::CommandError.
    asio::awaitable<json::value> qmp(std::string command, json::object arguments);
    /// A command of the human monitor; what it printed.
    asio::awaitable<std::string> monitor(std::string command);
    asio::awaitable<json::object> next_qmp_event(io::Deadline deadline);
    /// Writes the screen to `path` as PNG.
    asio::awaitable<void> screenshot(std::filesystem::path path);
    /// What the screen shows.
    asio::awaitable<screen::Picture> picture();

    asio::awaitable<std::string> console_text();
    /// The last `count` lines, or all there are.
    asio::awaitable<std::vector<std::string>> console_tail(std::size_t count);
    asio::awaitable<std::vector<std::string>> next_console_lines(io::Deadline deadline);
    asio::awaitable<ConsoleText> next_console_text(ConsoleMark seen, io::Deadline deadline);
    asio::awaitable<void> take_console_rest(ConsoleMark mark);
    asio::awaitable<void> send_console(std::string bytes);
    /// Lines, without their ends, that came by another way: standard error of a command.
    asio::awaitable<void> add_console_lines(std::vector<std::string> lines);

private:
    asio::awaitable<void> launch(StartOptions options);
    Instance& running();
    const std::string& start_command(const StartOptions& options) const;
    io::Deadline own_deadline(io::Duration limit) const;
    void log(std::string text) const;
    void tell_facts(io::Error& error) const;
    asio::awaitable<void> add_accelerator(StartOptions& options);
    void warn_of_old_qemu();
    asio::awaitable<void> await_greeting();
    asio::awaitable<void> until_ready(shell::ReadyEvents events, io::Deadline deadline);
    template <class T>
    asio::awaitable<T> unless_panicked(asio::awaitable<T> operation);
    asio::awaitable<void> end_instance();
    void forget_guest();
    asio::awaitable<void> until_ended(std::shared_ptr<Instance> instance, io::Deadline deadline);
    void forget_instance();
    std::shared_ptr<terminal::Door> open_door();

    // deadlines.cpp
    /// `doing` as in "while running `x`".
    ShellError explain(const io::Error& error, std::string_view doing, io::TimePoint begin);
    /// A command that is under way, for what an error says of it.
    struct Doing {
        std::string what;  ///< as in "while running `x`"
        std::optional<Limit> limit;
        io::TimePoint begin;
    };
    /// Throws what explain() makes of `failure`, with QEMU's state when time ran out.
    asio::awaitable<void> fail_call(std::exception_ptr failure, Doing doing);
    /// As query_run_state(), or that QEMU is gone.
    asio::awaitable<std::string> run_state();
    asio::awaitable<void> until_silent(io::Deadline deadline, std::string what);
    /// Ends the wait after `deadline`, but not while the agent answers: it keeps the limits of what
    /// runs in the guest. Throws io::TimeoutError.
    template <class T>
    asio::awaitable<T> unless_silent(asio::awaitable<T> operation, io::Deadline deadline,
                                     std::string what);

    // commands.cpp
    void log_output(std::string_view output) const;
    asio::awaitable<shell::CommandResult> execute_plainly(shell::Command command,
                                                          io::Deadline deadline);

    // agent_commands.cpp
    asio::awaitable<void> start_agent(io::Duration bound, io::Deadline deadline);
    asio::awaitable<void> until_started(io::Deadline deadline);
    /// None where the root shell has to serve. Throws io::TimeoutError.
    asio::awaitable<std::shared_ptr<AgentLink>> ready_agent(io::Deadline deadline);
    /// None: there is no agent.
    asio::awaitable<std::optional<Outcome>> run_by_agent(std::string command, RunOptions options,
                                                         io::Deadline deadline);
    asio::awaitable<Outcome> run_by(std::shared_ptr<AgentLink> link, std::string command,
                                    RunOptions options, io::Deadline deadline);
    asio::awaitable<Outcome> collect(std::shared_ptr<channel::Call> call, RunOptions options);
    asio::awaitable<void> set_off(std::shared_ptr<AgentLink> link, std::string command,
                                  std::optional<Limit> limit, io::Deadline deadline);
    template <class T>
    asio::awaitable<T> of_call(std::shared_ptr<channel::Call> call, asio::awaitable<T> operation,
                               std::string what);
    ShellError explain_call(const io::Error& error, const channel::Call& call);
    template <class T>
    asio::awaitable<T> unless_dead(std::shared_ptr<AgentLink> link, asio::awaitable<T> operation);

    io::Duration silence_limit() const;

    // agent_files.cpp
    asio::awaitable<void> until_stalled(std::shared_ptr<AgentLink> link,
                                        std::shared_ptr<Copying> copying, io::Duration limit);
    asio::awaitable<void> unless_stalled(std::shared_ptr<AgentLink> link,
                                         std::shared_ptr<Copying> copying,
                                         asio::awaitable<void> operation);
    asio::awaitable<void> send_tree(std::shared_ptr<channel::Call> call,
                                    std::shared_ptr<files::TreeReader> reader,
                                    std::shared_ptr<Copying> copying);
    asio::awaitable<void> receive_tree(std::shared_ptr<channel::Call> call,
                                       std::shared_ptr<files::TreeWriter> writer,
                                       std::shared_ptr<Copying> copying);
    asio::awaitable<void> copy_in_by_agent(std::shared_ptr<AgentLink> link,
                                           std::filesystem::path source, std::string target);
    asio::awaitable<void> copy_out_by_agent(std::shared_ptr<AgentLink> link, std::string source,
                                            std::filesystem::path target);

    // waits.cpp
    class Hint;
    struct LastTry;
    asio::awaitable<std::string> try_until(CommandWait wait, std::shared_ptr<LastTry> last_try);
    RequestFailed late_wait(const CommandWait& wait, const LastTry& last_try,
                            io::TimePoint begin) const;

    // units.cpp
    struct UnitWait;
    asio::awaitable<std::optional<shell::CommandResult>> ask(UnitWait wait, std::string command);
    asio::awaitable<std::optional<std::string>> manager_socket(UnitWait wait);
    asio::awaitable<std::shared_ptr<systemd::Manager>> unit_manager(std::shared_ptr<AgentLink> link,
                                                                    std::string socket);
    asio::awaitable<bool> wait_by_signals(UnitWait wait);
    asio::awaitable<bool> listen(std::shared_ptr<AgentLink> link, std::string socket,
                                 std::string full_name, UnitWait wait);
    asio::awaitable<void> until_active(std::shared_ptr<systemd::Manager> manager,
                                       std::string full_name, UnitWait wait);
    asio::awaitable<void> wait_by_questions(UnitWait wait);
    asio::awaitable<std::string> unit_state(UnitWait wait);
    asio::awaitable<bool> unit_settled(UnitWait wait);
    asio::awaitable<void> until_unit_is_active(UnitWait wait);
    asio::awaitable<std::string> unit_status(std::string unit, std::optional<std::string> user);

    // screen.cpp
    asio::awaitable<void> dump_screen(std::filesystem::path path, std::string format);

    // files.cpp
    [[noreturn]] void fail_copy(const std::string& from, const std::string& to,
                                io::TimePoint begin);
    std::shared_ptr<Copying> begin_copying(std::string what);
    void warn(const Complaints& complaints) const;
    void warn_of_skipped(const files::TreeReader& reader) const;
    asio::awaitable<void> carry_in(std::filesystem::path source, std::string target);
    asio::awaitable<void> carry_out(std::string source, std::filesystem::path target);
    asio::awaitable<std::shared_ptr<files::TreeReader>> open_tree(std::filesystem::path source);
    asio::awaitable<std::shared_ptr<files::Scratch>> make_scratch(std::filesystem::path parent);
    asio::awaitable<void> pump(std::shared_ptr<files::TreeReader> reader,
                               std::shared_ptr<files::TreeWriter> writer, std::string what);
    using OpenTree = std::function<std::unique_ptr<files::TreeReader>()>;
    asio::awaitable<void> place(OpenTree open, std::string source, std::filesystem::path target);
    asio::awaitable<std::string> run_checked(std::string command);
    asio::awaitable<bool> has_share();
    asio::awaitable<void> copy_in_by_share(std::filesystem::path source, std::string target);
    asio::awaitable<void> copy_in_by_shell(std::filesystem::path source, std::string target);
    asio::awaitable<void> copy_out_by_share(std::string source, std::filesystem::path target);
    asio::awaitable<void> copy_out_by_shell(std::string source, std::filesystem::path target);
    asio::awaitable<void> push_file(std::filesystem::path file, std::string target);
    asio::awaitable<void> pull_file(std::string source, std::uint64_t size,
                                    std::filesystem::path target);
    asio::awaitable<void> run_host(std::vector<std::string> arguments);

    MachineConfig config_;
    std::shared_ptr<Host> host_;
    io::EventSink sink_;
    process::ClaimedDirectory claim_;
    std::atomic<bool> yielded_ = false;  ///< the claim was
    std::shared_ptr<Console> console_;
    std::shared_ptr<Instance> launching_;  ///< until QEMU has dialled in
    std::shared_ptr<Instance> instance_;   ///< from then on, while QEMU runs
    std::shared_ptr<process::Child> last_process_;
    std::shared_ptr<terminal::Door> door_;  ///< while QEMU runs
    AcceleratorChoice accelerator_;
    std::vector<std::string> environment_;  ///< the caller's at the last start
    std::size_t screen_dumps_ = 0;
    bool starting_ = false;
    bool releasing_ = false;
    io::Condition started_;
    ChannelMode channel_mode_ = ChannelMode::automatic;
    bool agent_starting_ = false;
    std::optional<std::string> no_agent_;  ///< why this boot of the guest has none
    std::string told_no_agent_;            ///< the last such reason that the log has
    /// The connections to service managers in the guest, by their sockets.
    std::map<std::string, std::shared_ptr<systemd::Manager>> unit_managers_;
    std::optional<bool> share_mounted_;  ///< once asked since the last greeting
};

}  // namespace charioteer::machine
