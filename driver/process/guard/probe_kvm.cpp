#include "process/guard/probe_kvm.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>

#if defined(__x86_64__)
#include <linux/kvm.h>
#endif

namespace charioteer::process::guard {

namespace {

int fail(const char* step) {
    std::printf("%s: %s\n", step, std::strerror(errno));
    return 1;
}

}  // namespace

#if defined(__x86_64__)

namespace {

constexpr std::uint64_t guest_address = 0x1000;
constexpr std::uint16_t port = 0x3f8;
// 16-bit code: out dx, al; hlt
constexpr std::array<std::uint8_t, 2> code{0xee, 0xf4};

/// Sets the processor to real mode at the code, with the port in dx and a byte in al.
int set_registers(int cpu) {
    kvm_sregs special{};
    if (::ioctl(cpu, KVM_GET_SREGS, &special) < 0) return fail("KVM_GET_SREGS");
    special.cs.base = 0;
    special.cs.selector = 0;
    if (::ioctl(cpu, KVM_SET_SREGS, &special) < 0) return fail("KVM_SET_SREGS");
    kvm_regs registers{};
    registers.rip = guest_address;
    registers.rax = 'K';
    registers.rdx = port;
    registers.rflags = 2;  // the bit that is always set
    if (::ioctl(cpu, KVM_SET_REGS, &registers) < 0) return fail("KVM_SET_REGS");
    return 0;
}

int run_guest(int machine, int cpu, std::size_t run_size) {
    constexpr std::size_t page = 4096;
    void* memory = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    void* state = ::mmap(nullptr, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
    if (memory == MAP_FAILED || state == MAP_FAILED) return fail("mmap");
    std::memcpy(memory, code.data(), code.size());
    kvm_userspace_memory_region region{};
    region.guest_phys_addr = guest_address;
    region.memory_size = page;
    region.userspace_addr = reinterpret_cast<std::uintptr_t>(memory);
    if (::ioctl(machine, KVM_SET_USER_MEMORY_REGION, &region) < 0)
        return fail("KVM_SET_USER_MEMORY_REGION");
    if (int failure = set_registers(cpu)) return failure;
    auto* run = static_cast<kvm_run*>(state);
    if (::ioctl(cpu, KVM_RUN, 0) < 0) return fail("KVM_RUN");
    if (run->exit_reason != KVM_EXIT_IO || run->io.port != port) {
        std::printf("KVM_RUN ended with exit reason %u instead of KVM_EXIT_IO\n", run->exit_reason);
        return 1;
    }
    if (::ioctl(cpu, KVM_RUN, 0) < 0) return fail("KVM_RUN");
    if (run->exit_reason != KVM_EXIT_HLT) {
        std::printf("KVM_RUN ended with exit reason %u instead of KVM_EXIT_HLT\n",
                    run->exit_reason);
        return 1;
    }
    return 0;
}

}  // namespace

int probe_kvm() {
    ::alarm(1);
    int kvm = ::open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0) return fail("/dev/kvm");
    int machine = ::ioctl(kvm, KVM_CREATE_VM, 0);
    if (machine < 0) return fail("KVM_CREATE_VM");
    int cpu = ::ioctl(machine, KVM_CREATE_VCPU, 0);
    if (cpu < 0) return fail("KVM_CREATE_VCPU");
    int run_size = ::ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (run_size < 0) return fail("KVM_GET_VCPU_MMAP_SIZE");
    return run_guest(machine, cpu, static_cast<std::size_t>(run_size));
}

#else

/// There is no test guest for this processor: only tests that /dev/kvm can be opened.
int probe_kvm() {
    return ::open("/dev/kvm", O_RDWR | O_CLOEXEC) < 0 ? fail("/dev/kvm") : 0;
}

#endif

}  // namespace charioteer::process::guard
