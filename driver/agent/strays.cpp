#include "agent/strays.hpp"

#include "agent/directory.hpp"
#include "agent/system.hpp"

namespace charioteer::agent {

namespace {

/// What /proc says that an open pipe is: "pipe:[inode]".
Text<64> name_of(int pipe) {
    Text<64> name;
    struct ::stat status {};
    if (pipe >= 0 && sys::stat(pipe, &status) == 0) name << "pipe:[" << status.st_ino << "]";
    return name;
}

bool equal(const char* bytes, size_t size, const Text<64>& text) {
    return size > 0 && size == text.size() && memcmp(bytes, text.c_str(), size) == 0;
}

/// Adds the process: its name and whether it runs, as /proc/PID/stat has them: "12 (name) R ...".
void add(Strays& strays, const char* process) {
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
    if (end <= begin || end + 2 >= got) return;
    ++strays.count;
    auto state = status[end + 2];
    if (state == 'R' || state == 'D') strays.busy = true;
    if (strays.names.size() > 0) strays.names << ", ";
    strays.names.add(status + begin + 1, static_cast<size_t>(end - begin - 1));
    strays.names << " (pid " << process << ")";
}

}  // namespace

Strays find_strays(int output, int errors) {
    Strays strays;
    auto output_name = name_of(output);
    auto errors_name = name_of(errors);
    Text<32> self;
    char link[64];
    auto size = sys::readlink("/proc/self", link, sizeof link);
    if (size > 0) self.add(link, static_cast<size_t>(size));
    any_entry("/proc", [&](const char* process) {
        if (*process < '1' || *process > '9' || same(process, self.c_str())) return false;
        Text<64> files;
        files << "/proc/" << process << "/fd";
        bool holds = any_entry(files.c_str(), [&](const char* number) {
            if (*number == '.') return false;
            Text<96> file;
            file << files.c_str() << "/" << number;
            auto got = sys::readlink(file.c_str(), link, sizeof link);
            auto length = got > 0 ? static_cast<size_t>(got) : 0;
            return equal(link, length, output_name) || equal(link, length, errors_name);
        });
        if (holds) add(strays, process);
        return false;
    });
    return strays;
}

}  // namespace charioteer::agent
