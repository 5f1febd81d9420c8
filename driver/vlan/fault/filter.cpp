#include "vlan/fault/filter.hpp"

#include <fmt/format.h>
#include <pcap/pcap.h>

#include "io/error.hpp"

namespace charioteer::vlan::fault {

struct Filter::Program {
    Program() = default;
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    ~Program() { ::pcap_freecode(&code); }

    bpf_program code{};
};

Filter::Filter(const std::string& expression) : program_(std::make_unique<Program>()) {
    if (expression.size() > max_size)
        throw io::UsageError(fmt::format("the filter has {} bytes, more than the {} allowed",
                                         expression.size(), max_size));
    if (expression.find('\0') != std::string::npos)
        throw io::UsageError("the filter has a NUL character");
    struct Close {
        void operator()(pcap_t* compiler) const { ::pcap_close(compiler); }
    };
    std::unique_ptr<pcap_t, Close> compiler(
        ::pcap_open_dead(DLT_EN10MB, static_cast<int>(max_frame_size)));
    if (!compiler) throw io::Error("libpcap has no memory for a filter");
    constexpr int optimise = 1;
    if (::pcap_compile(compiler.get(), &program_->code, expression.c_str(), optimise,
                       PCAP_NETMASK_UNKNOWN) != 0)
        throw io::UsageError(fmt::format("the filter '{}' is not one of libpcap's: {}", expression,
                                         ::pcap_geterr(compiler.get())));
}

Filter::~Filter() = default;

bool Filter::matches(Bytes frame) const noexcept {
    pcap_pkthdr header{};
    header.len = header.caplen = static_cast<bpf_u_int32>(frame.size());
    auto* bytes = reinterpret_cast<const u_char*>(frame.data());
    return ::pcap_offline_filter(&program_->code, &header, bytes) != 0;
}

}  // namespace charioteer::vlan::fault
