#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "frames/frame.hpp"

/// A file or a directory tree as one stream of bytes, which copies between host and guest send.
/// Without I/O, allocation and exceptions, as frames are.
///
/// A stream is a sequence of entries: the root, which is a directory or a file, and then `end`,
/// without which a stream was cut off. A directory is followed by its entries, then `leave`; a file
/// by the pieces of its content, then `close`. An entry has 16 bytes: 'T', its kind, and little
/// endian its mode, the lengths of its name and its target (2 bytes each), and the size of its
/// data (8 bytes); then follow name, target and data. Fields that a kind does not have are 0.
/// Content is sent in pieces because the size of a file is not known for certain before it was
/// read: that of files under /proc is 0, and logs grow.
namespace charioteer::frames {

/// Bytes of an entry without name, target and data.
constexpr std::size_t entry_header_size = 16;
/// The longest that Linux accepts, without the NUL.
constexpr std::size_t max_name = 255;
constexpr std::size_t max_target = 4095;
/// Nested directories, including the root; both ends keep each of them open.
constexpr std::size_t max_depth = 200;
constexpr std::size_t max_entry = entry_header_size + max_name + max_target;

enum class EntryKind : std::uint8_t {
    directory = 1,
    leave = 2,  ///< the end of the directory that was entered last
    file = 3,
    data = 4,   ///< the next bytes of the file
    close = 5,  ///< the end of the file
    link = 6,   ///< a symbolic one; never the root
    end = 7,    ///< the whole tree was sent
};

struct Entry {
    EntryKind kind{};
    std::uint16_t mode = 0;        ///< permissions, 07777 at most: of directories and files
    std::string_view name = {};    ///< of directories, files and links: its last component
    std::string_view target = {};  ///< of links
    std::uint64_t size = 0;        ///< of data: how many bytes follow the entry, at least one
};

/// Writes the entry into `room`, which must have room for it; returns its length in bytes.
std::size_t write_entry(const Entry& entry, std::span<unsigned char> room);

/// Whether a directory may have an entry of that name: not empty, "." or "..", and without '/' and
/// NUL.
bool is_name(std::string_view text);

/// Parses a stream from an untrusted source: its items always form a tree.
class TreeParser {
public:
    struct Item {
        enum class Kind : std::uint8_t {
            more,    ///< more bytes are needed
            entry,   ///< `entry`, and `data` for an entry of kind data
            broken,  ///< `trouble` is the reason; all later items are broken too
        };
        Kind kind = Kind::more;
        Entry entry;  ///< a NUL follows name and target; valid until the next call
        Bytes data;   ///< part of the bytes passed
        const char* trouble = "";
    };

    /// The next item; the bytes up to its end are removed from `bytes`.
    Item next(Bytes& bytes);
    /// Whether the end of the stream was reached.
    bool ended() const { return ended_; }
    /// Directories entered and not left.
    std::size_t depth() const { return depth_; }

private:
    bool gather(Bytes& bytes, std::size_t size);
    const char* check_header() const;
    const char* check_names(const Entry& entry) const;
    const char* check_place(EntryKind kind) const;
    Item take_entry();
    Item take_data(Bytes& bytes);
    Item fail(const char* trouble);
    std::size_t name_size() const;
    std::size_t target_size() const;

    const char* trouble_ = nullptr;
    bool begun_ = false;
    bool ended_ = false;
    bool in_file_ = false;
    std::size_t depth_ = 0;
    std::uint64_t data_left_ = 0;
    std::size_t have_ = 0;  ///< bytes of the entry received so far
    unsigned char room_[max_entry + 2] = {};
};

}  // namespace charioteer::frames
