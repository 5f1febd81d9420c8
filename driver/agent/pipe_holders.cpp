#include "agent/pipe_holders.hpp"

#include "agent/directory.hpp"
#include "agent/system.hpp"

namespace charioteer::agent {

namespace {

/// The name of an open pipe in /proc, "pipe:[inode]"; empty when `file` is none.
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

/// Adds the name of the process, which is in parentheses in /proc/PID/stat: "12 (name) R ...".
void add(PipeHolders& holders, const char* process) {
    Text<64> path;
    path << "/proc/" << process << "/stat";
    char status[512];
    auto file = sys::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    auto got = sys::read(static_cast<int>(file), status, sizeof status);
    sys::close(static_cast<int>(file));
    long begin = 0;
    while (begin < got && status[begin] != '(') ++begin;
    auto end = got - 1;
    while (end > begin && status[end] != ')') --end;  // the name may have parentheses
    if (end <= begin) return;
    if (holders.size() > 0) holders << ", ";
    holders.add(status + begin + 1, static_cast<size_t>(end - begin - 1));
    holders << " (pid " << process << ")";
}

}  // namespace

PipeHolders find_pipe_holders(int pipe) {
    PipeHolders holders;
    auto name = name_of(pipe);
    if (name.size() == 0) return holders;
    Text<32> self;
    char link[32];
    auto size = sys::readlink("/proc/self", link, sizeof link);
    if (size > 0) self.add(link, static_cast<size_t>(size));
    any_entry("/proc", [&](const char* process) {
        if (*process < '1' || *process > '9' || same(process, self.c_str())) return false;
        if (holds(process, name)) add(holders, process);
        return holders.full();
    });
    constexpr const char* more = "...";
    if (holders.full()) {
        holders.cut(holders.size() - strlen(more));
        holders << more;
    }
    return holders;
}

}  // namespace charioteer::agent
