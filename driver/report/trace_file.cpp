#include "report/trace_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "report/record.hpp"

namespace charioteer::report {

namespace {

constexpr std::string_view omitted_kind = "omitted";
constexpr std::string_view console_kind = "console";

io::UniqueFd create(const std::filesystem::path& file) {
    ::unlink(file.c_str());
    // A new file, since an old one may be readable by others, or be a link.
    io::UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_APPEND, 0600));
    if (!fd) throw std::system_error(errno, std::system_category());
    return fd;
}

void write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        auto written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) throw std::system_error(errno, std::system_category());
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

std::string read_all(int fd, std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t done = 0; done < size;) {
        auto got = ::pread(fd, text.data() + done, size - done, static_cast<off_t>(done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) throw std::system_error(got < 0 ? errno : EIO, std::system_category());
        done += static_cast<std::size_t>(got);
    }
    return text;
}

/// The lines of `text`, each with its line end.
std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        auto length = std::min(text.find('\n'), text.size() - 1) + 1;
        lines.push_back(text.substr(0, length));
        text.remove_prefix(length);
    }
    return lines;
}

std::string_view between(std::string_view text, std::string_view begin, char end) {
    auto from = text.find(begin);
    if (from == text.npos) return {};
    text.remove_prefix(from + begin.size());
    return text.substr(0, text.find(end));
}

void merge(RecordCounts& into, const RecordCounts& counts) {
    for (const auto& [kind, count] : counts) into[kind] += count;
}

/// A line of kind `omitted`, with the time of the line after it.
std::string omitted_line(const RecordCounts& counts, std::string_view next) {
    std::string numbers;
    for (const auto& [kind, count] : counts)
        numbers += fmt::format("{}{}:{}", numbers.empty() ? "" : ",", json_string(kind), count);
    auto time = between(next.substr(0, next.find('\n')), "\"t\":", ',');
    return fmt::format("{{\"kind\":\"{}\",\"t\":{},\"records\":{{{}}}}}\n", omitted_kind,
                       time.substr(0, time.find('}')), numbers);
}

}  // namespace

std::string_view kind_of(std::string_view line) {
    return between(line, "{\"kind\":\"", '"');
}

TraceFile::TraceFile(std::filesystem::path file, std::size_t limit)
    : file_(std::move(file)), limit_(limit), fd_(create(file_)) {}

void TraceFile::append(std::string_view lines, const RecordCounts& lost) noexcept {
    try {
        merge(unwritten_, lost);
        if (is_broken_) throw std::system_error(EIO, std::system_category());
        if (size_ + lines.size() > limit_) compact();
        if (!unwritten_.empty()) write(omitted_line(unwritten_, lines));
        merge(omitted_, std::exchange(unwritten_, {}));
        write(lines);
    } catch (const std::exception& failure) {
        if (error_.empty()) error_ = failure.what();
        for (auto line : lines_of(lines)) ++unwritten_[std::string(kind_of(line))];
    }
}

/// Writes all of `text` or nothing.
void TraceFile::write(std::string_view text) {
    try {
        write_all(fd_.get(), text);
    } catch (const std::system_error&) {
        [[maybe_unused]] auto ignored = ::ftruncate(fd_.get(), static_cast<off_t>(size_));
        throw;
    }
    size_ += text.size();
}

void TraceFile::compact() {
    auto name = file_;
    name += ".new";
    try {
        auto text = read_all(fd_.get(), size_);
        auto kept = selection(lines_of(text));
        auto fresh = create(name);
        write_all(fresh.get(), kept);
        if (::rename(name.c_str(), file_.c_str()) != 0)
            throw std::system_error(errno, std::system_category());
        fd_ = std::move(fresh);
        size_ = kept.size();
    } catch (...) {
        is_broken_ = true;
        ::unlink(name.c_str());
        throw;
    }
}

/// The text of a file with at most 5/8 of the limit: 1/8 from the begin, 1/4 from the end, and from
/// between them the latest lines that are not of a console.
std::string TraceFile::selection(const Lines& lines) {
    std::size_t head = 0;
    for (std::size_t size = 0; head < lines.size(); ++head) {
        size += lines[head].size();
        if (head > 0 && size > limit_ / 8) break;
    }
    std::size_t tail = lines.size();
    for (std::size_t size = 0; tail > head; --tail) {
        size += lines[tail - 1].size();
        if (size > limit_ / 4) break;
    }
    std::vector<std::string_view> middle;
    std::size_t size = 0;
    for (auto at = tail; at > head; --at) {
        auto line = lines[at - 1];
        auto kind = kind_of(line);
        if (kind == omitted_kind) continue;
        if (kind != console_kind && (size += line.size()) <= limit_ / 4)
            middle.push_back(line);
        else
            ++unwritten_[std::string(kind)];
    }
    merge(omitted_, std::exchange(unwritten_, {}));
    std::string text;
    auto add = [&](std::string_view line) {
        if (kind_of(line) != omitted_kind) text += line;
    };
    for (std::size_t at = 0; at < head; ++at) add(lines[at]);
    if (!omitted_.empty()) {
        auto next = !middle.empty() ? middle.back() : tail < lines.size() ? lines[tail] : lines[0];
        text += omitted_line(omitted_, next);
    }
    for (auto line = middle.rbegin(); line != middle.rend(); ++line) add(*line);
    for (auto at = tail; at < lines.size(); ++at) add(lines[at]);
    return text;
}

}  // namespace charioteer::report
