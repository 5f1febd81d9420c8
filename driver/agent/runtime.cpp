// The parts of a C library that a compiler requires: the entry point, and the functions to which it
// generates calls. Built with -fno-builtin, so that the loops are not compiled to calls of the
// functions that they define.

#include "agent/main.hpp"
#include "agent/system.hpp"

#if defined(__x86_64__)
asm(".globl _start\n"
    "_start:\n"
    "  xor %ebp, %ebp\n"
    "  mov %rsp, %rdi\n"
    "  and $-16, %rsp\n"
    "  call charioteer_agent_begin\n");
#elif defined(__aarch64__)
asm(".globl _start\n"
    "_start:\n"
    "  mov x29, #0\n"
    "  mov x30, #0\n"
    "  mov x0, sp\n"
    "  bl charioteer_agent_begin\n");
#endif

namespace {

/// A word at any address, which may alias other types.
struct [[gnu::packed, gnu::may_alias]] Word {
    uint64_t value;
};

}  // namespace

extern "C" {

/// `stack` is the initial stack of the process: the number of arguments, the arguments, a null, the
/// environment.
[[noreturn]] void charioteer_agent_begin(long* stack) {
    auto count = static_cast<int>(stack[0]);
    auto** arguments = reinterpret_cast<char**>(stack + 1);
    charioteer::agent::sys::exit(charioteer::agent::main(count, arguments, arguments + count + 1));
}

void* memmove(void* target, const void* source, size_t size) {
    auto* to = static_cast<unsigned char*>(target);
    const auto* from = static_cast<const unsigned char*>(source);
    if (to <= from) {
        for (; size >= 8; size -= 8, to += 8, from += 8)
            reinterpret_cast<Word*>(to)->value = reinterpret_cast<const Word*>(from)->value;
        for (; size > 0; --size) *to++ = *from++;
    } else {
        for (; size > 0; --size) to[size - 1] = from[size - 1];
    }
    return target;
}

void* memcpy(void* __restrict target, const void* __restrict source, size_t size) {
    return memmove(target, source, size);
}

void* memset(void* target, int byte, size_t size) {
    auto* to = static_cast<unsigned char*>(target);
    for (; size > 0; --size) *to++ = static_cast<unsigned char>(byte);
    return target;
}

int memcmp(const void* left, const void* right, size_t size) {
    const auto* one = static_cast<const unsigned char*>(left);
    const auto* other = static_cast<const unsigned char*>(right);
    for (; size > 0; --size, ++one, ++other)
        if (*one != *other) return *one - *other;
    return 0;
}

size_t strlen(const char* text) {
    const auto* end = text;
    while (*end != '\0') ++end;
    return static_cast<size_t>(end - text);
}
}
