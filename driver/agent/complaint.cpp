#include "agent/complaint.hpp"

#include "agent/system.hpp"

namespace charioteer::agent {

namespace {

struct Reason {
    int error;
    const char* text;
};

constexpr Reason reasons[] = {
    {EACCES, "permission denied"},
    {EBUSY, "in use"},
    {EDQUOT, "no space left within the quota"},
    {EEXIST, "exists already"},
    {EFBIG, "file too large"},
    {EIO, "input/output error"},
    {EISDIR, "is a directory"},
    {ELOOP, "too many links in each other"},
    {EMFILE, "too many open files"},
    {ENAMETOOLONG, "name too long"},
    {ENOENT, "no such file or directory"},
    {ENOMEM, "no memory left"},
    {ENOSPC, "no space left"},
    {ENOTDIR, "not a directory"},
    {ENOTEMPTY, "directory not empty"},
    {ENXIO, "a pipe that nobody reads, a socket, or a device that is not there"},
    {EPERM, "not permitted"},
    {EROFS, "read-only file system"},
    {ETXTBSY, "a program that is running"},
};

}  // namespace

void complain(const char* program, const char* path, const char* reason) {
    Text<8192> line;
    line << program << ": ";
    for (const char* at = path; *at != '\0'; ++at)
        line.add(static_cast<unsigned char>(*at) < ' ' ? "?" : at, 1);
    line << ": " << reason << "\n";
    sys::write(2, line.c_str(), line.size());
}

void complain(const char* program, const char* path, long error) {
    for (const auto& reason : reasons)
        if (reason.error == -error) return complain(program, path, reason.text);
    Text<32> number;
    number << "error " << static_cast<uint64_t>(-error);
    complain(program, path, number.c_str());
}

}  // namespace charioteer::agent
