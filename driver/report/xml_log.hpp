#pragma once

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "io/unique_fd.hpp"
#include "report/report.hpp"

namespace charioteer::report {

/// The log of a run as XML. Everything is written immediately, so that the file is usable however
/// the run ends.
class XmlLog final : public Report {
public:
    using Attributes = std::vector<std::pair<std::string, std::string>>;

    /// Creates or truncates the file. Throws std::system_error.
    explicit XmlLog(const std::string& file);

    void line(const std::string& text, const Attributes& attributes);
    /// Begin and end of a nested step.
    void open_nest(const std::string& head, const Attributes& attributes);
    void close_nest();
    /// Ends the document; later messages are discarded. Runs of the driver leave it open, like
    /// upstream.
    void close();

    void take(const io::Event& event) override;
    void finish(const std::string& reason) noexcept override;

private:
    void write(const std::string& text);

    std::mutex mutex_;
    io::UniqueFd file_;
};

}  // namespace charioteer::report
