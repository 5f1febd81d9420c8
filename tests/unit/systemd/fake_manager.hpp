#pragma once

#include <memory>
#include <string>
#include <vector>

#include "fakes/peer.hpp"
#include "systemd/message.hpp"

namespace charioteer::systemd {

/// A service manager that a test controls call by call. Throws std::runtime_error when the code
/// under test does not send or close within 20 s.
class FakeManager {
public:
    explicit FakeManager(const fakes::Peer& peer);
    FakeManager(const FakeManager&) = delete;
    FakeManager& operator=(const FakeManager&) = delete;
    ~FakeManager();

    /// The next call, which must be of `member`.
    Message expect(const std::string& member);
    void reply(const Message& call);
    void reply_path(const Message& call, const std::string& path);
    void reply_jobs(const Message& call, const std::vector<std::uint32_t>& jobs);
    void refuse(const Message& call, const std::string& kind, const std::string& text);

    /// Handles the calls for opening a connection.
    void welcome();
    /// Answers the calls for a unit that is loaded.
    void answer_state(const std::string& active);
    /// Answers the calls for a unit that is not loaded and was loaded before.
    void answer_not_loaded();
    void answer_jobs(const std::vector<std::uint32_t>& jobs);

    void signal_properties(const std::string& path, const std::string& interface);
    void signal_unit(const std::string& member, const std::string& path);
    void signal_job(const std::string& member, std::uint32_t job);
    void signal_reloading(bool active);
    void call_machine_id();
    /// True when the code under test has closed the connection without sending anything more.
    bool sees_the_end();

private:
    Message next();
    Message signal_message(const std::string& path, const char* interface,
                           const std::string& member);
    void send(const Message& message);
    void flush();

    sd_bus* bus_ = nullptr;
};

/// The path of the only unit that tests query.
inline const std::string web_path = "/org/freedesktop/systemd1/unit/web_2eservice";

}  // namespace charioteer::systemd
