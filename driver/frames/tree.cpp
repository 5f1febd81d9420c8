#include "frames/tree.hpp"

#include <cstring>
#include <initializer_list>

namespace charioteer::frames {

namespace {

constexpr unsigned char mark = 'T';
constexpr unsigned max_mode = 07777;

template <class Number>
void put(unsigned char* target, Number number) {
    std::memcpy(target, &number, sizeof number);  // both ends are little endian
}

template <class Number>
Number get(const unsigned char* source) {
    Number number = 0;
    std::memcpy(&number, source, sizeof number);
    return number;
}

bool has_nul(std::string_view text) {
    for (char letter : text)
        if (letter == '\0') return true;
    return false;
}

bool has_name(EntryKind kind) {
    return kind == EntryKind::directory || kind == EntryKind::file || kind == EntryKind::link;
}

}  // namespace

bool is_name(std::string_view text) {
    if (text.empty() || text.size() > max_name) return false;
    if (text[0] == '.' && (text.size() == 1 || (text.size() == 2 && text[1] == '.'))) return false;
    for (char letter : text)
        if (letter == '/' || letter == '\0') return false;
    return true;
}

std::size_t write_entry(const Entry& entry, std::span<unsigned char> room) {
    auto* header = room.data();
    header[0] = mark;
    header[1] = static_cast<unsigned char>(entry.kind);
    put(header + 2, entry.mode);
    put(header + 4, static_cast<std::uint16_t>(entry.name.size()));
    put(header + 6, static_cast<std::uint16_t>(entry.target.size()));
    put(header + 8, entry.size);
    auto size = entry_header_size;
    for (auto text : {entry.name, entry.target})
        for (char letter : text) room[size++] = static_cast<unsigned char>(letter);
    return size;
}

std::size_t TreeParser::name_size() const {
    return get<std::uint16_t>(room_ + 4);
}

std::size_t TreeParser::target_size() const {
    return get<std::uint16_t>(room_ + 6);
}

bool TreeParser::gather(Bytes& bytes, std::size_t size) {
    auto taken = size - have_ < bytes.size() ? size - have_ : bytes.size();
    std::memcpy(room_ + have_, bytes.data(), taken);
    have_ += taken;
    bytes = bytes.subspan(taken);
    return have_ == size;
}

TreeParser::Item TreeParser::next(Bytes& bytes) {
    if (trouble_ != nullptr) return fail(trouble_);
    if (bytes.empty()) return {};
    if (data_left_ > 0) return take_data(bytes);
    if (ended_) return fail("something follows its end");
    if (have_ < entry_header_size) {
        if (!gather(bytes, entry_header_size)) return {};
        if (const auto* trouble = check_header()) return fail(trouble);
    }
    if (!gather(bytes, entry_header_size + name_size() + target_size())) return {};
    auto item = take_entry();
    have_ = 0;
    return data_left_ > 0 && !bytes.empty() ? take_data(bytes) : item;
}

const char* TreeParser::check_header() const {
    auto kind = static_cast<EntryKind>(room_[1]);
    auto size = get<std::uint64_t>(room_ + 8);
    if (room_[0] != mark || kind < EntryKind::directory || kind > EntryKind::end)
        return "an entry of an unknown kind";
    bool has_mode = kind == EntryKind::directory || kind == EntryKind::file;
    if (get<std::uint16_t>(room_ + 2) > (has_mode ? max_mode : 0)) return "an impossible mode";
    if (name_size() > (has_name(kind) ? max_name : 0)) return "a name that is too long";
    if (target_size() > (kind == EntryKind::link ? max_target : 0))
        return "a link's target that is too long";
    if ((size > 0) != (kind == EntryKind::data)) return "an impossible size";
    return check_place(kind);
}

const char* TreeParser::check_place(EntryKind kind) const {
    switch (kind) {
        case EntryKind::data:
        case EntryKind::close:
            return in_file_ ? nullptr : "content without a file";
        case EntryKind::leave:
            return depth_ > 0 && !in_file_ ? nullptr
                                           : "the end of a directory that was not entered";
        case EntryKind::end:
            return begun_ && depth_ == 0 && !in_file_ ? nullptr : "an end in its middle";
        case EntryKind::link:
            if (depth_ == 0) return "a link that is not in a directory";
            break;
        case EntryKind::directory:
            if (depth_ == max_depth) return "more than 200 nested directories";
            break;
        case EntryKind::file:
            break;
    }
    if (in_file_) return "an entry within a file";
    return begun_ && depth_ == 0 ? "a second root" : nullptr;
}

const char* TreeParser::check_names(const Entry& entry) const {
    if (has_name(entry.kind) && !is_name(entry.name)) return "a name that no file may have";
    if (entry.kind == EntryKind::link && (entry.target.empty() || has_nul(entry.target)))
        return "a target that no link may have";
    return nullptr;
}

TreeParser::Item TreeParser::take_entry() {
    auto* name = reinterpret_cast<char*>(room_) + entry_header_size;
    auto* target = name + name_size() + 1;
    std::memmove(target, target - 1, target_size());
    name[name_size()] = '\0';
    target[target_size()] = '\0';
    Item item;
    item.kind = Item::Kind::entry;
    item.entry.kind = static_cast<EntryKind>(room_[1]);
    item.entry.mode = get<std::uint16_t>(room_ + 2);
    item.entry.name = {name, name_size()};
    item.entry.target = {target, target_size()};
    if (const auto* trouble = check_names(item.entry)) return fail(trouble);
    begun_ = true;
    switch (item.entry.kind) {
        case EntryKind::directory:
            ++depth_;
            break;
        case EntryKind::leave:
            --depth_;
            break;
        case EntryKind::file:
            in_file_ = true;
            break;
        case EntryKind::close:
            in_file_ = false;
            break;
        case EntryKind::end:
            ended_ = true;
            break;
        case EntryKind::data:
            data_left_ = get<std::uint64_t>(room_ + 8);
            item.kind = Item::Kind::more;
            break;
        case EntryKind::link:
            break;
    }
    return item;
}

TreeParser::Item TreeParser::take_data(Bytes& bytes) {
    Item item;
    item.kind = Item::Kind::entry;
    item.entry.kind = EntryKind::data;
    item.data = bytes.size() < data_left_ ? bytes : bytes.first(data_left_);
    data_left_ -= item.data.size();
    bytes = bytes.subspan(item.data.size());
    return item;
}

TreeParser::Item TreeParser::fail(const char* trouble) {
    trouble_ = trouble;
    Item item;
    item.kind = Item::Kind::broken;
    item.trouble = trouble;
    return item;
}

}  // namespace charioteer::frames
