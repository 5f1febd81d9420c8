#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "io/event.hpp"
#include "io/unique_fd.hpp"
#include "vlan/frame.hpp"
#include "vlan/vlan.hpp"

/// Clients of a VLAN, written from the descriptions of the protocols of QEMU and libvdeplug.
namespace charioteer::vlan::fakes {

/// A station: the last byte of its address.
struct Station {
    int number = 0;
};
inline constexpr Station broadcast{0xff};
inline constexpr Station alice{1};
inline constexpr Station bob{2};
inline constexpr Station carol{3};

/// An Ethernet frame with a text as payload; `ethertype` 0x8100 for a tagged one.
std::string frame(Station from, Station to, const std::string& text, int ethertype = 0x0800);

/// The fixed part of a VDE request; `path` may fill the address without an end.
std::string vde_request(const std::string& path);

/// A blocking socket connected to `path`, whose reads fail after 20 s so that a hung test ends.
io::UniqueFd connect_to(const std::filesystem::path& path);

/// Sends all of `bytes`; false if the peer has closed the connection.
bool send_all(int socket, std::string_view bytes);

/// Whether the peer closes the connection; ignores bytes that it sends before.
bool is_closed_by_peer(int socket);

class FakePlug {
public:
    virtual ~FakePlug() = default;
    /// Blocks while the hub does not read. False if the hub has closed the connection.
    virtual bool send(const std::string& frame) = 0;
    /// The next frame. Throws std::runtime_error after 20 s without one.
    virtual std::string receive() = 0;
};

class FakeVdePlug : public FakePlug {
public:
    /// Attached when this returns.
    explicit FakeVdePlug(const std::filesystem::path& control_directory);
    ~FakeVdePlug() override;

    bool send(const std::string& frame) override;
    std::string receive() override;
    /// The hub's socket for this plug.
    const std::filesystem::path& data_path() const { return data_path_; }

private:
    std::filesystem::path own_path_;
    std::filesystem::path data_path_;
    io::UniqueFd control_;
    io::UniqueFd data_;
};

class FakeStreamPlug : public FakePlug {
public:
    /// Connected when this returns, but perhaps not yet attached.
    explicit FakeStreamPlug(const std::filesystem::path& path) : socket_(connect_to(path)) {}

    bool send(const std::string& frame) override;
    std::string receive() override;
    int socket() const { return socket_.get(); }

private:
    io::UniqueFd socket_;
};

/// A new empty directory, removed by the destructor.
class TemporaryDirectory {
public:
    TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory();
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// Collects the events of its sink.
class EventLog {
public:
    io::EventSink sink();
    std::vector<std::string> warnings() const;

private:
    mutable std::mutex mutex_;
    std::vector<std::string> warnings_;
};

enum class Kind { vde, stream };

/// A plug of `kind`, attached when this returns: `witness`, another plug of the segment, has
/// received its first frame.
std::unique_ptr<FakePlug> attach(Kind kind, const Vlan& vlan, FakePlug& witness);

}  // namespace charioteer::vlan::fakes
