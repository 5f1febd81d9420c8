#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "frames/frame.hpp"

/// A file, or a directory with all that is in it, as one stream of bytes: what a copy between host
/// and guest sends. Without I/O, allocation and exceptions, as frames are.
///
/// A stream is a row of entries: the root, which is a directory or a file, and then `end`, without
/// which a stream was cut off. A directory is followed by what it holds, then `leave`; a file by
/// the pieces of its content, then `close`. An entry has 16 bytes: 'T', its kind, and little
/// endian its mode, the lengths of its name and its target (2 bytes each), and the size of its
/// data (8 bytes); then come name, target and data. What a kind does not have is 0. Content comes
/// in pieces because nobody knows the size of a file for certain until it was read: files under
/// /proc say 0, and logs grow.
namespace charioteer::frames {

/// Bytes of an entry without name, target and data.
constexpr std::size_t entry_header_size = 16;
/// Linux takes no longer ones, without the NUL.
constexpr std::size_t max_name = 255;
constexpr std::size_t max_target = 4095;
/// Directories in each other, the root among them; both ends keep one open for each.
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
    std::uint64_t size = 0;        ///< of data: bytes that follow the entry, at least one
};

/// Writes the entry into `room`, which must have room for it; returns its length in bytes.
std::size_t write_entry(const Entry& entry, std::span<unsigned char> room);

/// Whether a directory may have an entry of that name: no '/', NUL, "", "." and "..".
bool is_name(std::string_view text);

/// Takes a stream apart, whoever wrote it: what it gives can only be a tree.
class TreeParser {
public:
    struct Item {
        enum class Kind : std::uint8_t {
            more,    ///< nothing until more bytes come
            entry,   ///< `entry`; of kind data it is `data` that counts
            broken,  ///< `trouble` says why; there is nothing else from now on
        };
        Kind kind = Kind::more;
        Entry entry;  ///< a NUL follows name and target; valid until the next call
        Bytes data;   ///< part of what was given
        const char* trouble = "";
    };

    /// Takes bytes from the front of `bytes` up to the next item.
    Item next(Bytes& bytes);
    /// Whether all came.
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
    std::size_t have_ = 0;  ///< bytes of the entry that came
    unsigned char room_[max_entry + 2] = {};
};

}  // namespace charioteer::frames
