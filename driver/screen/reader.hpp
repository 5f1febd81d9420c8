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

/// The text recognition of one picture. Io thread only.
class Reading {
public:
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;
    /// Cancels the variants that have not been read yet.
    ~Reading();

    /// Waits for the next text, in the order of completion; nullopt after the last one. Supports
    /// cancellation. Throws the engine's io::Error, io::Interrupted after Reader::end().
    asio::awaitable<std::optional<Text>> next();

private:
    friend class Reader;
    struct Job;
    struct Page;

    explicit Reading(const asio::any_io_executor& executor);

    std::shared_ptr<io::Condition> changed_;
    std::vector<std::shared_ptr<Job>> jobs_;  ///< jobs that next() has not returned
};

/// Recognises text on threads of its own, each with an engine that is reused. Caches the texts of
/// the last pictures: a screen that has not changed, or whose cursor blinks, is not read again. Io
/// thread only.
class Reader {
public:
    /// `workers`, at least one, is the number of threads. The threads create their engines when
    /// they are first needed.
    Reader(asio::any_io_executor executor, EngineFactory make_engine, std::size_t workers);
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    /// To be called after end(), or while nothing is being read. Waits for abandoned engines.
    ~Reader() = default;

    /// Starts reading the variants `wanted` of the picture, in this order if there are not enough
    /// workers for all.
    std::shared_ptr<Reading> read(Picture picture, std::span<const Variant> wanted);

    /// Cancels everything, rejects new pictures, and returns when all threads are idle. Engines
    /// that do not end before `deadline` are abandoned: their threads do not access objects of the
    /// io thread any more.
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
    /// Locked while a worker posts its result to the io thread, which may have ended after
    /// abandon().
    std::mutex handing_over_;
    bool abandoned_ = false;
    std::vector<Worker> workers_;
    asio::thread_pool pool_;
};

}  // namespace charioteer::screen
