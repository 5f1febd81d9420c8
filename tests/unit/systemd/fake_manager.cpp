#include "unit/systemd/fake_manager.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <stdexcept>

namespace charioteer::systemd {

namespace {

constexpr std::uint64_t answer_limit_us = 20'000'000;
constexpr auto manager_path = "/org/freedesktop/systemd1";
constexpr auto manager_interface = "org.freedesktop.systemd1.Manager";

void expect_done(int outcome, const char* what) {
    if (outcome < 0) throw std::runtime_error(fmt::format("{}: {}", what, outcome));
}

}  // namespace

FakeManager::FakeManager(const fakes::Peer& peer) {
    int own = ::fcntl(peer.descriptor(), F_DUPFD_CLOEXEC, 3);
    expect_done(own, "dup");
    expect_done(sd_bus_new(&bus_), "sd_bus_new");
    expect_done(sd_bus_set_fd(bus_, own, own), "sd_bus_set_fd");
    expect_done(sd_bus_set_server(bus_, 1, sd_id128_t{{1}}), "sd_bus_set_server");
    expect_done(sd_bus_start(bus_), "sd_bus_start");
}

FakeManager::~FakeManager() {
    sd_bus_close_unref(bus_);
}

Message FakeManager::next() {
    for (;;) {
        sd_bus_message* came = nullptr;
        int outcome = sd_bus_process(bus_, &came);
        if (outcome < 0) return {};
        if (came != nullptr) return Message(came);
        if (outcome == 0 && sd_bus_wait(bus_, answer_limit_us) == 0)
            throw std::runtime_error("the code under test sends nothing");
    }
}

Message FakeManager::expect(const std::string& member) {
    auto call = next();
    const auto* got = call ? sd_bus_message_get_member(call.get()) : "the end";
    if (got == nullptr) throw std::runtime_error("a reply instead of " + member);
    if (got != member) throw std::runtime_error(fmt::format("{} instead of {}", got, member));
    return call;
}

bool FakeManager::sees_the_end() {
    auto last = next();
    return !last || last.is_signal("org.freedesktop.DBus.Local", "Disconnected");
}

void FakeManager::flush() {
    expect_done(sd_bus_flush(bus_), "flush");
}

void FakeManager::send(const Message& message) {
    expect_done(sd_bus_send(bus_, message.get(), nullptr), "send");
    flush();
}

void FakeManager::reply(const Message& call) {
    expect_done(sd_bus_reply_method_return(call.get(), nullptr), "reply");
    flush();
}

void FakeManager::reply_path(const Message& call, const std::string& path) {
    expect_done(sd_bus_reply_method_return(call.get(), "o", path.c_str()), "reply");
    flush();
}

void FakeManager::refuse(const Message& call, const std::string& kind, const std::string& text) {
    sd_bus_error error{kind.c_str(), text.c_str(), 0};
    expect_done(sd_bus_reply_method_error(call.get(), &error), "refuse");
    flush();
}

void FakeManager::welcome() {
    reply(expect("Subscribe"));
}

void FakeManager::answer_state(const std::string& active) {
    reply_path(expect("GetUnit"), web_path);
    auto get = expect("Get");
    expect_done(sd_bus_reply_method_return(get.get(), "v", "s", active.c_str()), "reply");
    flush();
}

void FakeManager::answer_not_loaded() {
    refuse(expect("GetUnit"), "org.freedesktop.systemd1.NoSuchUnit", "Unit not loaded.");
}

void FakeManager::answer_jobs(const std::vector<std::uint32_t>& jobs) {
    reply_jobs(expect("ListJobs"), jobs);
}

void FakeManager::reply_jobs(const Message& call, const std::vector<std::uint32_t>& jobs) {
    sd_bus_message* made = nullptr;
    expect_done(sd_bus_message_new_method_return(call.get(), &made), "jobs");
    Message answer(made);
    expect_done(sd_bus_message_open_container(made, 'a', "(usssoo)"), "jobs");
    for (auto job : jobs) {
        auto outcome = sd_bus_message_append(made, "(usssoo)", job, "db.service", "start",
                                             "waiting", "/job", "/unit");
        expect_done(outcome, "jobs");
    }
    expect_done(sd_bus_message_close_container(made), "jobs");
    send(answer);
}

Message FakeManager::signal_message(const std::string& path, const char* interface,
                                    const std::string& member) {
    sd_bus_message* made = nullptr;
    expect_done(sd_bus_message_new_signal(bus_, &made, path.c_str(), interface, member.c_str()),
                "signal");
    return Message(made);
}

void FakeManager::signal_properties(const std::string& path, const std::string& interface) {
    auto signal = signal_message(path, "org.freedesktop.DBus.Properties", "PropertiesChanged");
    auto outcome =
        sd_bus_message_append(signal.get(), "sa{sv}as", interface.c_str(), 3, "ActiveState", "s",
                              "active", "Job", "(uo)", 0, "/", "SubState", "s", "running", 0);
    expect_done(outcome, "signal");
    send(signal);
}

void FakeManager::signal_unit(const std::string& member, const std::string& path) {
    auto signal = signal_message(manager_path, manager_interface, member);
    expect_done(sd_bus_message_append(signal.get(), "so", "web.service", path.c_str()), "signal");
    send(signal);
}

void FakeManager::signal_job(const std::string& member, std::uint32_t job) {
    auto signal = signal_message(manager_path, manager_interface, member);
    expect_done(sd_bus_message_append(signal.get(), "uoss", job, "/job", "db.service", "done"),
                "signal");
    send(signal);
}

void FakeManager::signal_reloading(bool active) {
    auto signal = signal_message(manager_path, manager_interface, "Reloading");
    expect_done(sd_bus_message_append(signal.get(), "b", active ? 1 : 0), "signal");
    send(signal);
}

void FakeManager::call_machine_id() {
    sd_bus_message* made = nullptr;
    expect_done(sd_bus_message_new_method_call(bus_, &made, nullptr, "/",
                                               "org.freedesktop.DBus.Peer", "GetMachineId"),
                "call");
    Message call(made);
    // Without a slot, the call would request no reply.
    std::uint64_t number = 0;
    expect_done(sd_bus_send(bus_, call.get(), &number), "call");
    flush();
}

}  // namespace charioteer::systemd
