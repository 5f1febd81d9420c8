#include "screen/reader.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <semaphore>
#include <thread>

#include "fakes/manual_time.hpp"
#include "fakes/peer.hpp"
#include "io/error.hpp"
#include "io/runtime.hpp"

namespace charioteer::screen {
namespace {

using namespace std::chrono_literals;
using fakes::result_of;
using testing::ElementsAre;
using testing::HasSubstr;
using Texts = std::vector<std::string>;

constexpr std::array name_of{"raw", "positive", "negative"};

/// The behaviour of a test's engines, and what they record.
struct Script {
    std::atomic<int> made = 0;
    std::atomic<int> runs = 0;
    std::atomic<int> at_once = 0;
    std::atomic<int> most_at_once = 0;
    std::atomic<bool> held =
        false;  ///< engines do not end before it is false, or they are cancelled
    std::atomic<int> cancelled = 0;
    std::atomic<bool> is_missing = false;
    std::atomic<bool> deaf =
        false;  ///< engines that are held do not notice that they are cancelled
};

class FakeEngine : public Engine {
public:
    explicit FakeEngine(Script& script) : script_(script) {}

    std::string read(const Picture& picture, Variant variant,
                     const std::function<bool()>& cancelled) override {
        ++script_.runs;
        auto now = ++script_.at_once;
        for (auto most = script_.most_at_once.load(); most < now;)
            if (script_.most_at_once.compare_exchange_weak(most, now)) break;
        while (script_.held && (script_.deaf || !cancelled())) std::this_thread::yield();
        if (cancelled()) ++script_.cancelled;
        --script_.at_once;
        return fmt::format("{} {}", picture.pixels, name_of[static_cast<std::size_t>(variant)]);
    }

private:
    Script& script_;
};

class ReaderTest : public testing::Test {
protected:
    ~ReaderTest() override { end(); }

    void make(std::size_t workers) {
        auto factory = [this]() -> std::unique_ptr<Engine> {
            if (script_.is_missing) throw io::Error("nothing is installed");
            ++script_.made;
            return std::make_unique<FakeEngine>(script_);
        };
        reader_ = std::make_unique<Reader>(runtime_.executor(), factory, workers);
    }
    void end() {
        if (reader_) result_of(runtime_.start(reader_->end(io::Deadline::never())));
    }
    template <class Function>
    auto on_io_thread(Function function) {
        using Result = std::invoke_result_t<Function>;
        auto run = [](Function body) -> asio::awaitable<Result> { co_return body(); };
        return result_of(runtime_.start(run(std::move(function))));
    }
    std::shared_ptr<Reading> begin(std::string pixels, std::size_t variants_wanted = 3) {
        return on_io_thread([&] {
            Picture picture{1, 1, std::move(pixels)};
            return reader_->read(std::move(picture), std::span(variants).first(variants_wanted));
        });
    }
    io::Pending<std::optional<Text>> next(const std::shared_ptr<Reading>& reading) {
        auto wait = [](std::shared_ptr<Reading> held) -> asio::awaitable<std::optional<Text>> {
            co_return co_await held->next();
        };
        return runtime_.start(wait(reading));
    }
    Texts rest(const std::shared_ptr<Reading>& reading) {
        Texts texts;
        for (;;) {
            auto pending = next(reading);
            auto text = result_of(pending);
            if (!text) return texts;
            texts.push_back(text->text);
        }
    }
    void drop(std::shared_ptr<Reading> reading) {
        on_io_thread([moved = std::move(reading)]() mutable {
            moved.reset();
            return 0;
        });
    }
    void until(const std::function<bool()>& condition) {
        while (!condition()) std::this_thread::yield();
    }

    Script script_;
    io::Runtime runtime_;
    fakes::ManualTime time_;
    std::unique_ptr<Reader> reader_;
};

TEST_F(ReaderTest, ReadsAllVariantsInTheirOrderWithOneWorker) {
    make(1);
    EXPECT_THAT(rest(begin("a")), ElementsAre("a raw", "a positive", "a negative"));
    EXPECT_THAT(rest(begin("b", 1)), ElementsAre("b raw"));
    EXPECT_EQ(script_.made, 1);
}

TEST_F(ReaderTest, ReadsWithAllWorkersInParallel) {
    make(2);
    script_.held = true;
    auto reading = begin("a");
    until([this] { return script_.at_once == 2; });
    script_.held = false;
    EXPECT_EQ(rest(reading).size(), 3U);
    EXPECT_EQ(script_.most_at_once, 2);
    EXPECT_EQ(script_.made, 2);
}

TEST_F(ReaderTest, DoesNotReadAnUnchangedPictureAgain) {
    make(1);
    auto first = rest(begin("a"));
    EXPECT_EQ(rest(begin("a")), first);
    EXPECT_EQ(script_.runs, 3);
}

TEST_F(ReaderTest, DoesNotReadABlinkingCursorAgain) {
    make(1);
    for (int blink = 0; blink < 5; ++blink) {
        rest(begin("text_"));
        rest(begin("text "));
    }
    EXPECT_EQ(script_.runs, 6);
}

TEST_F(ReaderTest, ReadsVariantsThatWereNotRequestedBefore) {
    make(1);
    rest(begin("a", 1));
    EXPECT_THAT(rest(begin("a")), ElementsAre("a raw", "a positive", "a negative"));
    EXPECT_EQ(script_.runs, 3);
}

TEST_F(ReaderTest, ForgetsOldPictures) {
    make(1);
    rest(begin("a", 1));
    for (int number = 0; number < 100; ++number) rest(begin(std::to_string(number), 1));
    rest(begin("a", 1));
    EXPECT_EQ(script_.runs, 102);
}

TEST_F(ReaderTest, CancelsReadingsWithoutWaiters) {
    make(1);
    script_.held = true;
    auto reading = begin("a");
    until([this] { return script_.at_once == 1; });
    drop(std::move(reading));
    until([this] { return script_.cancelled == 1; });
    script_.held = false;
    // The two queued variants were not read, and the cancelled one is not cached.
    EXPECT_THAT(rest(begin("a", 1)), ElementsAre("a raw"));
    EXPECT_EQ(script_.runs, 2);
}

TEST_F(ReaderTest, ACancelledWaitEndsImmediately) {
    make(1);
    script_.held = true;
    auto reading = begin("a", 1);
    auto pending = next(reading);
    until([this] { return script_.at_once == 1; });
    pending.cancel();
    EXPECT_THROW(pending.get(), io::Interrupted);
    script_.held = false;
    EXPECT_THAT(rest(reading), ElementsAre("a raw"));
}

TEST_F(ReaderTest, ReportsThatAnEngineIsMissingAndTriesAgainNextTime) {
    make(1);
    script_.is_missing = true;
    auto pending = next(begin("a", 1));
    try {
        pending.get();
        FAIL() << "read without an engine";
    } catch (const io::Error& error) {
        EXPECT_STREQ(error.what(), "nothing is installed");
    }
    script_.is_missing = false;
    EXPECT_THAT(rest(begin("a", 1)), ElementsAre("a raw"));
}

TEST_F(ReaderTest, ItsEndCancelsRunningAndQueuedReadings) {
    make(1);
    script_.held = true;
    auto reading = begin("a", 2);
    auto pending = next(reading);
    until([this] { return script_.at_once == 1; });
    end();
    EXPECT_THROW(pending.get(), io::Interrupted);
    auto second = next(reading);
    EXPECT_THROW(second.get(), io::Interrupted);
    auto after = next(begin("b", 1));
    EXPECT_THROW(after.get(), io::Interrupted);
    EXPECT_EQ(script_.runs, 1);
}

TEST_F(ReaderTest, ItsEndAbandonsAnEngineThatDoesNotEndInTime) {
    make(1);
    script_.held = script_.deaf = true;
    auto reading = begin("a", 1);
    auto pending = next(reading);
    until([this] { return script_.at_once == 1; });
    auto ending = runtime_.start(reader_->end(time_.deadline_after(5s)));
    until([this] { return time_.sleepers() == 1; });
    EXPECT_FALSE(ending.wait_for(0ms));
    time_.advance(5s);
    result_of(ending);
    EXPECT_THROW(pending.get(), io::Interrupted);
    // A later result of the engine is not passed to the io thread, where the reader may be
    // destroyed.
    script_.held = false;
    reader_.reset();
    drop(std::move(reading));
    EXPECT_EQ(script_.at_once, 0);
}

}  // namespace
}  // namespace charioteer::screen
