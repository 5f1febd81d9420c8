#include "agent/processes.hpp"

#include "agent/system.hpp"

namespace charioteer::agent {

namespace {

/// The name of an open pipe in /proc, "pipe:[inode]"; empty when `file` is not a pipe.
Text<64> name_of(int file) {
    Text<64> name;
    struct ::stat status {};
    bool is_pipe = file >= 0 && sys::stat(file, &status) == 0 && S_ISFIFO(status.st_mode);
    if (is_pipe) name << "pipe:[" << status.st_ino << "]";
    return name;
}

/// Whether one of the process's open files is the pipe.
bool holds(const char* process, const Text<64>& pipe) {
    Text<64> files;
    files << "/proc/" << process << "/fd";
    return any_entry(files.c_str(), [&](const char* number) {
        if (*number == '.') return false;
        Text<96> file;
        file << files.c_str() << "/" << number;
        char link[64];
        auto got = sys::readlink(file.c_str(), link, sizeof link);
        return got > 0 && static_cast<size_t>(got) == pipe.size() &&
               memcmp(link, pipe.c_str(), pipe.size()) == 0;
    });
}

}  // namespace

bool read_status(const char* process, ProcessStatus& status) {
    Text<64> path;
    path << "/proc/" << process << "/stat";
    char text[512];
    auto file = sys::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    auto got = sys::read(static_cast<int>(file), text, sizeof text - 1);
    sys::close(static_cast<int>(file));
    long begin = 0;
    while (begin < got && text[begin] != '(') ++begin;
    auto end = got - 1;
    while (end > begin && text[end] != ')') --end;  // the name may have parentheses
    if (end <= begin || end + 4 >= got) return false;
    text[got] = '\0';
    status.name.add(text + begin + 1, static_cast<size_t>(end - begin - 1));
    status.state = text[end + 2];
    const char* rest = text + end + 4;
    parse_number(rest, 10, &rest);  // its parent
    if (*rest == ' ') status.group = parse_number(rest + 1, 10, &rest);
    return true;
}

void add(ProcessList& list, const char* process, const ProcessStatus& status) {
    if (list.size() > 0) list << ", ";
    list << status.name.c_str() << " (pid " << process << ")";
}

void mark_if_full(ProcessList& list) {
    constexpr const char* more = "...";
    if (!list.full()) return;
    list.cut(list.size() - strlen(more));
    list << more;
}

ProcessList find_pipe_holders(int pipe) {
    auto name = name_of(pipe);
    if (name.size() == 0) return {};
    Text<32> self;
    char link[32];
    auto size = sys::readlink("/proc/self", link, sizeof link);
    if (size > 0) self.add(link, static_cast<size_t>(size));
    return list_processes([&](const char* process, const ProcessStatus&) {
        return !same(process, self.c_str()) && holds(process, name);
    });
}

ProcessList find_group_members(long group) {
    return list_processes([&](const char*, const ProcessStatus& status) {
        return status.group == static_cast<uint64_t>(group) && status.state != 'Z' &&
               status.state != 'X';
    });
}

}  // namespace charioteer::agent
