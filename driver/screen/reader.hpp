#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/condition.hpp"
#include "io/deadline.hpp"
#include "screen/engine.hpp"

namespace charioteer::screen {

namespace asio = boost::asio;

struct Text {
    Variant variant = Variant::raw;
    std::string text;
};

/// One picture that is being read. Io thread only.
class Reading {
public:
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;
    /// Cancels what has not been read yet.
    ~Reading();

    /// The next text that is known, in the order in which they become known; nullopt after the last
    /// one. Obeys cancellation. Throws the engine's io::Error, io::Interrupted after Reader::end().
    asio::awaitable<std::optional<Text>> next();

private:
    friend class Reader;
    struct Job;
    struct Page;

    explicit Reading(const asio::any_io_executor& executor);

    std::shared_ptr<io::Condition> changed_;
    std::vector<std::shared_ptr<Job>> jobs_;  ///< those that next() has not returned
};

/// Reads pictures on threads of its own, each with an engine that stays for the next picture.
/// Remembers what was on the last pictures: a screen that has not changed, or whose cursor blinks,
/// is not read again. Io thread only.
class Reader {
public:
    /// `workers`, at least one, pictures are read at the same time. Engines are made by the threads
    /// when they are first needed.
    Reader(asio::any_io_executor executor, EngineFactory make_engine, std::size_t workers);
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    /// After end(), or when nothing is being read. Waits for engines that were abandoned.
    ~Reader() = default;

    /// Begins to read `wanted` of the picture, in this order as far as there are not workers enough
    /// for all.
    std::shared_ptr<Reading> read(Picture picture, std::span<const Variant> wanted);

    /// Cancels everything, for good, and returns when no thread works any more. Engines that do not
    /// end before `deadline` are abandoned: their threads touch nothing of the io thread any more.
    asio::awaitable<void> end(io::Deadline deadline);

private:
    struct Worker {
        std::unique_ptr<Engine> engine;
        bool busy = false;
    };
    std::shared_ptr<Reading::Page> page_of(const Picture& picture);
    void dispatch();
    void run(Worker& worker, std::shared_ptr<Reading::Job> job);
    void finish(Worker& worker, Reading::Job& job);
    asio::awaitable<void> until_idle();
    void abandon();

    asio::any_io_executor executor_;
    EngineFactory make_engine_;
    std::deque<std::shared_ptr<Reading::Page>> pages_;  ///< the latest first
    std::deque<std::shared_ptr<Reading::Job>> waiting_;
    std::vector<std::shared_ptr<Reading::Job>> running_;
    io::Condition idle_;
    bool ended_ = false;
    /// Held while a worker hands its result to the io thread, which may be gone after abandon().
    std::mutex handing_over_;
    bool abandoned_ = false;
    std::vector<Worker> workers_;
    asio::thread_pool pool_;
};

}  // namespace charioteer::screen
