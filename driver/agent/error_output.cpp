#include "agent/error_output.hpp"

#include "agent/system.hpp"

namespace charioteer::agent {

namespace {

struct Reason {
    int error;
    const char* name;
    const char* text;
};

constexpr Reason reasons[] = {
    {EACCES, "EACCES", "permission denied"},
    {EAGAIN, "EAGAIN", "no resources left for it"},
    {EBUSY, "EBUSY", "in use"},
    {EDQUOT, "EDQUOT", "no space left within the quota"},
    {EEXIST, "EEXIST", "exists already"},
    {EFBIG, "EFBIG", "file too large"},
    {EIO, "EIO", "input/output error"},
    {EISDIR, "EISDIR", "is a directory"},
    {ELOOP, "ELOOP", "too many nested symbolic links"},
    {EMFILE, "EMFILE", "too many open files"},
    {ENAMETOOLONG, "ENAMETOOLONG", "name too long"},
    {ENFILE, "ENFILE", "too many open files in the system"},
    {ENODEV, "ENODEV", "no such device"},
    {ENOENT, "ENOENT", "no such file or directory"},
    {ENOMEM, "ENOMEM", "out of memory"},
    {ENOSPC, "ENOSPC", "no space left"},
    {ENOTDIR, "ENOTDIR", "not a directory"},
    {ENOTEMPTY, "ENOTEMPTY", "directory not empty"},
    {ENXIO, "ENXIO", "a pipe without a reader, a socket, or a device that does not exist"},
    {EPERM, "EPERM", "not permitted"},
    {EROFS, "EROFS", "read-only file system"},
    {ETXTBSY, "ETXTBSY", "a program that is running"},
};

const Reason* find_reason(long error) {
    for (const auto& reason : reasons)
        if (reason.error == -error) return &reason;
    return nullptr;
}

ErrorText number_of(long error) {
    ErrorText text;
    text << "error " << static_cast<uint64_t>(-error);
    return text;
}

}  // namespace

ErrorText describe_error(long error) {
    const auto* reason = find_reason(error);
    return reason == nullptr ? number_of(error) : ErrorText() << reason->text;
}

ErrorText error_name(long error) {
    const auto* reason = find_reason(error);
    return reason == nullptr ? number_of(error) : ErrorText() << reason->name;
}

void report_error(const char* program, const char* message) {
    Text<256> line;
    line << program << ": " << message << "\n";
    sys::write(2, line.c_str(), line.size());
}

void report_error(const char* program, const char* path, const char* reason) {
    Text<8192> line;
    line << program << ": ";
    for (const char* at = path; *at != '\0'; ++at)
        line.add(static_cast<unsigned char>(*at) < ' ' ? "?" : at, 1);
    line << ": " << reason << "\n";
    sys::write(2, line.c_str(), line.size());
}

void report_error(const char* program, const char* path, long error) {
    report_error(program, path, describe_error(error).c_str());
}

}  // namespace charioteer::agent
