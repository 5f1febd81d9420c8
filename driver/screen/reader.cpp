#include "screen/reader.hpp"

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "io/error.hpp"
#include "io/signals_blocked.hpp"

namespace charioteer::screen {

namespace {

/// For all machines of a driver together; a page has a few kilobytes.
constexpr std::size_t most_pages = 64;

std::uint64_t hash_of(const Picture& picture) {
    // The same pixels with another width are another picture.
    return std::hash<std::string>()(picture.pixels) ^ (picture.width << 48U);
}

std::exception_ptr stopped() {
    return std::make_exception_ptr(io::Interrupted("the driver stopped"));
}

}  // namespace

/// The texts of one picture, as far as they are known.
struct Reading::Page {
    std::uint64_t hash = 0;
    std::map<Variant, std::string> texts;
};

/// One variant of one picture. Only its worker uses `text` and `failure` until `done`.
struct Reading::Job {
    std::shared_ptr<const Picture> picture;
    Variant variant = Variant::raw;
    std::shared_ptr<Page> page;
    std::shared_ptr<io::Condition> changed;
    std::atomic<bool> cancelled = false;
    bool done = false;
    bool abandoned = false;  ///< its worker did not end in time; io thread only, like `done`
    std::string text;
    std::exception_ptr failure;
};

Reading::Reading(const asio::any_io_executor& executor)
    : changed_(std::make_shared<io::Condition>(executor)) {}

Reading::~Reading() {
    for (const auto& job : jobs_) job->cancelled = true;
}

asio::awaitable<std::optional<Text>> Reading::next() {
    while (!jobs_.empty()) {
        if (jobs_.front()->abandoned) std::rethrow_exception(stopped());
        auto found = std::find_if(jobs_.begin(), jobs_.end(), [](auto& job) { return job->done; });
        if (found != jobs_.end()) {
            auto job = std::move(*found);
            jobs_.erase(found);
            if (job->failure) std::rethrow_exception(job->failure);
            co_return Text{job->variant, std::move(job->text)};
        }
        auto changed = changed_;
        co_await changed->wait();
    }
    co_return std::nullopt;
}

Reader::Reader(asio::any_io_executor executor, EngineFactory make_engine, std::size_t workers)
    : executor_(std::move(executor)),
      make_engine_(std::move(make_engine)),
      idle_(executor_),
      workers_(workers),
      pool_([workers] {
          io::SignalsBlocked blocked;
          return asio::thread_pool(workers);
      }()) {}

std::shared_ptr<Reading> Reader::read(Picture picture, std::span<const Variant> wanted) {
    std::shared_ptr<Reading> reading(new Reading(executor_));
    auto page = page_of(picture);
    auto shared = std::make_shared<const Picture>(std::move(picture));
    for (auto variant : wanted) {
        auto job = std::make_shared<Reading::Job>();
        job->picture = shared;
        job->variant = variant;
        job->page = page;
        job->changed = reading->changed_;
        if (auto known = page->texts.find(variant); known != page->texts.end()) {
            job->text = known->second;
            job->done = true;
        } else if (ended_) {
            job->failure = stopped();
            job->done = true;
        } else {
            waiting_.push_back(job);
        }
        reading->jobs_.push_back(std::move(job));
    }
    dispatch();
    return reading;
}

asio::awaitable<void> Reader::end(io::Deadline deadline) {
    ended_ = true;
    for (const auto& job : running_) job->cancelled = true;
    for (const auto& job : waiting_) {
        job->failure = stopped();
        job->done = true;
        job->changed->notify_all();
    }
    waiting_.clear();
    try {
        co_await deadline.limit(until_idle(), "Tesseract did not end");
    } catch (const io::TimeoutError&) {
        abandon();
        co_return;
    }
    pool_.join();
    workers_.clear();
}

asio::awaitable<void> Reader::until_idle() {
    while (!running_.empty()) co_await idle_.wait();
}

/// Detaches the jobs from objects of the io thread, so that their workers may destroy them.
void Reader::abandon() {
    {
        std::lock_guard lock(handing_over_);
        abandoned_ = true;
    }
    for (const auto& job : running_) {
        job->abandoned = true;
        std::exchange(job->changed, nullptr)->notify_all();
    }
    running_.clear();
}

std::shared_ptr<Reading::Page> Reader::page_of(const Picture& picture) {
    auto hash = hash_of(picture);
    auto found = std::find_if(pages_.begin(), pages_.end(),
                              [&](const auto& page) { return page->hash == hash; });
    std::shared_ptr<Reading::Page> page;
    if (found != pages_.end()) {
        page = std::move(*found);
        pages_.erase(found);
    } else {
        page = std::make_shared<Reading::Page>();
        page->hash = hash;
    }
    pages_.push_front(page);
    if (pages_.size() > most_pages) pages_.pop_back();
    return page;
}

void Reader::dispatch() {
    for (auto& worker : workers_) {
        while (!waiting_.empty() && waiting_.front()->cancelled) waiting_.pop_front();
        if (waiting_.empty()) return;
        if (worker.busy) continue;
        worker.busy = true;
        auto job = std::move(waiting_.front());
        waiting_.pop_front();
        running_.push_back(job);
        asio::post(pool_, [this, &worker, job] { run(worker, job); });
    }
}

/// Runs on a thread of the pool.
void Reader::run(Worker& worker, std::shared_ptr<Reading::Job> job) {
    try {
        if (!worker.engine) worker.engine = make_engine_();
        auto cancelled = [&job] { return job->cancelled.load(); };
        job->text = worker.engine->read(*job->picture, job->variant, cancelled);
    } catch (...) {
        job->failure = std::current_exception();
    }
    std::lock_guard lock(handing_over_);
    if (abandoned_) return;
    asio::post(executor_, [this, &worker, job = std::move(job)] { finish(worker, *job); });
}

void Reader::finish(Worker& worker, Reading::Job& job) {
    worker.busy = false;
    if (job.abandoned) return;
    std::erase_if(running_, [&](const auto& other) { return other.get() == &job; });
    if (job.cancelled)
        job.failure = stopped();  // thrown by next() after end()
    else if (!job.failure)
        job.page->texts.emplace(job.variant, job.text);
    job.done = true;
    job.changed->notify_all();
    if (running_.empty()) idle_.notify_all();
    dispatch();
}

}  // namespace charioteer::screen
