#include "report/xml_log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <system_error>

#include "report/xml.hpp"

namespace charioteer::report {

namespace {

std::string element(std::string_view tag, const std::string& text,
                    const XmlLog::Attributes& attributes) {
    std::string quoted;
    for (const auto& [name, value] : attributes)
        quoted += fmt::format(" {}={}", name, xml_attribute(value));
    return fmt::format("<{0}{1}>{2}</{0}>", tag, quoted, xml_content(text));
}

}  // namespace

XmlLog::XmlLog(const std::string& file)
    : file_(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
    if (!file_) throw std::system_error(errno, std::system_category());
    write("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<logfile>");
}

void XmlLog::line(const std::string& text, const Attributes& attributes) {
    write(element("line", text, attributes));
}

void XmlLog::open_nest(const std::string& head, const Attributes& attributes) {
    write("<nest>" + element("head", head, attributes));
}

void XmlLog::close_nest() {
    write("</nest>");
}

void XmlLog::close() {
    write("</logfile>");
    std::lock_guard lock(mutex_);
    file_.reset();
}

void XmlLog::take(const io::Event& event) {
    Attributes attributes;
    if (!event.machine.empty()) attributes.emplace_back("machine", event.machine);
    if (event.kind == io::EventKind::serial) attributes.emplace_back("type", "serial");
    try {
        line(event.text, attributes);
    } catch (const std::system_error&) {
        // Called at the end of the process: an error cannot be handled any more.
    }
}

void XmlLog::finish(const std::string& reason) noexcept {
    take({io::EventKind::log, {}, reason});
    std::lock_guard lock(mutex_);
    file_.reset();
}

void XmlLog::write(const std::string& text) {
    std::lock_guard lock(mutex_);
    if (!file_) return;
    for (std::string_view rest = text; !rest.empty();) {
        auto written = ::write(file_.get(), rest.data(), rest.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) throw std::system_error(errno, std::system_category());
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
}

}  // namespace charioteer::report
