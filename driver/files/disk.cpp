#include "files/disk.hpp"

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "io/error.hpp"
#include "io/signals_blocked.hpp"

namespace charioteer::files {

namespace {

using namespace std::chrono_literals;

constexpr auto end_limit = 5s;

/// Leaks `object`, which may refer to destroyed objects.
void keep_for_ever(std::shared_ptr<void> object) {
    static auto* const mutex = new std::mutex;
    static auto* const kept = new std::vector<std::shared_ptr<void>>;
    std::lock_guard lock(*mutex);
    kept->push_back(std::move(object));
}

}  // namespace

/// The state that is shared by the threads and the Disk; hung threads keep it after the Disk is
/// destroyed.
class Disk::Workers : public std::enable_shared_from_this<Disk::Workers> {
public:
    struct Job {
        std::function<void()> work;
        std::shared_ptr<Waiter> waiter;  ///< may be null
    };

    Workers(asio::any_io_executor executor, std::size_t most)
        : executor_(std::move(executor)), most_(most) {}

    /// False after the begin of end().
    bool start(Job job) {
        std::lock_guard lock(mutex_);
        if (ending_) return false;
        add(std::move(job));
        return true;
    }
    void dispose(std::function<void()> work) {
        {
            std::lock_guard lock(mutex_);
            // Joining a thread on a hung disk would block forever.
            if (given_up_) return;
            if (!ended_) return add({std::move(work), nullptr});
        }
        work();
    }
    bool end(io::Duration limit);

private:
    void add(Job job);
    static void serve(std::shared_ptr<Workers> self);
    void notify(std::shared_ptr<Waiter> waiter);

    asio::any_io_executor executor_;
    std::size_t most_;
    std::mutex mutex_;  // protects all members below
    std::condition_variable more_;
    std::condition_variable quiet_;
    std::deque<Job> jobs_;
    std::vector<std::thread> threads_;
    std::size_t idle_ = 0;
    std::size_t busy_ = 0;
    bool ending_ = false;    ///< only jobs that destroy objects are accepted
    bool ended_ = false;     ///< the threads end
    bool given_up_ = false;  ///< end() did not wait for hung threads
};

void Disk::Workers::add(Job job) {
    jobs_.push_back(std::move(job));
    if (jobs_.size() > idle_ && threads_.size() < most_) {
        io::SignalsBlocked blocked;
        threads_.emplace_back(serve, shared_from_this());
        pthread_setname_np(threads_.back().native_handle(), "charioteer-disk");
    }
    more_.notify_one();
}

void Disk::Workers::serve(std::shared_ptr<Workers> self) {
    std::unique_lock lock(self->mutex_);
    for (;;) {
        ++self->idle_;
        self->more_.wait(lock, [&] { return !self->jobs_.empty() || self->ended_; });
        --self->idle_;
        if (self->jobs_.empty()) return;
        auto job = std::move(self->jobs_.front());
        self->jobs_.pop_front();
        ++self->busy_;
        lock.unlock();
        job.work();
        job.work = nullptr;  // destroys the objects of the job on this thread
        lock.lock();
        --self->busy_;
        if (job.waiter) self->notify(std::move(job.waiter));
        if (self->jobs_.empty() && self->busy_ == 0) self->quiet_.notify_all();
    }
}

/// Locks the mutex, so that the io thread cannot end meanwhile.
void Disk::Workers::notify(std::shared_ptr<Waiter> waiter) {
    // Its timer may belong to a destroyed io_context.
    if (ended_) return keep_for_ever(std::move(waiter));
    asio::post(executor_, [waiter = std::move(waiter)] {
        waiter->done = true;
        waiter->changed.notify_all();
    });
}

bool Disk::Workers::end(io::Duration limit) {
    std::unique_lock lock(mutex_);
    ending_ = true;
    if (ended_) return !given_up_;
    given_up_ = !quiet_.wait_for(lock, limit, [this] { return jobs_.empty() && busy_ == 0; });
    ended_ = true;
    if (!jobs_.empty()) keep_for_ever(std::make_shared<std::deque<Job>>(std::exchange(jobs_, {})));
    more_.notify_all();
    auto threads = std::exchange(threads_, {});
    lock.unlock();
    for (auto& thread : threads) {
        if (given_up_)
            thread.detach();
        else
            thread.join();
    }
    return !given_up_;
}

Disk::Disk(asio::any_io_executor executor, std::size_t threads)
    : executor_(std::move(executor)), workers_(std::make_shared<Workers>(executor_, threads)) {}

Disk::~Disk() {
    end(end_limit);
}

void Disk::start(std::function<void()> work, std::shared_ptr<Waiter> waiter) {
    if (!workers_->start({std::move(work), std::move(waiter)}))
        throw io::Interrupted("the driver stopped");
}

void Disk::dispose(const std::shared_ptr<Workers>& workers, std::function<void()> work) {
    workers->dispose(std::move(work));
}

bool Disk::end(io::Duration limit) noexcept {
    return workers_->end(limit);
}

}  // namespace charioteer::files
