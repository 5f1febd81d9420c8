#include "agent/program.hpp"

#include "agent/system.hpp"
#include "frames/frame.hpp"

namespace charioteer::agent {

Program identify_program() {
    Program program;
    auto file = sys::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (file < 0) return program;
    struct ::stat status {};
    sys::stat(static_cast<int>(file), &status);
    auto size = static_cast<size_t>(status.st_size);
    auto* content = static_cast<unsigned char*>(sys::map(size));
    size_t have = 0;
    while (content != nullptr && have < size) {
        auto got = sys::read(static_cast<int>(file), content + have, size - have);
        if (got <= 0) break;
        have += static_cast<size_t>(got);
    }
    if (content != nullptr) {
        program.size = have;
        program.checksum = frames::checksum({content, have});
        sys::unmap(content, size);
    }
    sys::close(static_cast<int>(file));
    return program;
}

}  // namespace charioteer::agent
