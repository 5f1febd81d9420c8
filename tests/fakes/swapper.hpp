#pragma once

#include <fcntl.h>
#include <stdio.h>

#include <atomic>
#include <filesystem>
#include <thread>
#include <utility>
#include <vector>

namespace charioteer::fakes {

/// A guest's program puts links to files outside of a tree where files and directories are: the
/// paths of each pair change places, again and again.
class Swapper {
public:
    explicit Swapper(std::vector<std::pair<std::filesystem::path, std::filesystem::path>> pairs)
        : thread_([this, pairs = std::move(pairs)] {
              while (!stop_)
                  for (const auto& [one, other] : pairs) {
                      ::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE);
                      ++count_;
                  }
          }) {}
    ~Swapper() {
        stop_ = true;
        thread_.join();
    }
    unsigned count() const { return count_; }

private:
    std::atomic<bool> stop_ = false;
    std::atomic<unsigned> count_ = 0;
    std::thread thread_;
};

}  // namespace charioteer::fakes
