#pragma once

#include <fcntl.h>
#include <stdio.h>

#include <atomic>
#include <filesystem>
#include <thread>
#include <utility>
#include <vector>

namespace charioteer::fakes {

/// Exchanges the two paths of each pair continuously on a thread of its own, like a program in a
/// guest that replaces files and directories by links to files outside of the tree.
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
