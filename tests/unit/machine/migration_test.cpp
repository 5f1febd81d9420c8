// Saving and loading the state of a guest by QMP. The test acts as QEMU, with a manual clock.

#include "machine/migration.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "fakes/manual_time.hpp"
#include "fakes/peer.hpp"
#include "io/runtime.hpp"
#include "machine/qemu_version.hpp"
#include "unit/machine/disconnect_reason.hpp"

namespace charioteer::machine {
namespace {

using namespace std::chrono_literals;
using fakes::result_of;
using testing::EndsWith;
using testing::HasSubstr;

constexpr auto state_file = "/tmp/a state, with:odd%characters";

class MigrationTest : public testing::Test {
protected:
    MigrationTest() : MigrationTest(10, 0) {}
    MigrationTest(int major_number, int minor_number)
        : ends_(fakes::connected_pair(runtime_.executor())) {
        auto opening = runtime_.start(
            qmp::Client::open(std::move(ends_.first), disconnect_reason, io::Deadline::never()));
        qemu_.send(fmt::format(
            R"({{"QMP": {{"version": {{"qemu": {{"major": {}, "minor": {}, "micro": 1}}}}}}}})"
            "\n",
            major_number, minor_number));
        answer("qmp_capabilities");
        qmp_ = result_of(opening);
        migration_ = std::make_unique<Migration>(qmp_, time_, 5);
    }
    ~MigrationTest() override {
        auto close = [](std::shared_ptr<qmp::Client> client) -> asio::awaitable<void> {
            client->close();
            co_return;
        };
        result_of(runtime_.start(close(std::move(qmp_))));
    }

    /// Takes the next command, which must be `command`, and returns its arguments. Time passes
    /// while the code under test may sleep before it.
    json::object take(std::string_view command) {
        EXPECT_EQ(take_any(), command);
        return arguments_;
    }
    std::string take_any() {
        pollfd received{qemu_.descriptor(), POLLIN, 0};
        while (::poll(&received, 1, 10) == 0) time_.advance(10ms);
        auto request = json::parse(qemu_.read_line()).as_object();
        id_ = request["id"].as_int64();
        auto* arguments = request.if_contains("arguments");
        arguments_ = arguments == nullptr ? json::object() : arguments->as_object();
        return std::string(request["execute"].as_string());
    }
    void reply(std::string_view value) {
        qemu_.send(fmt::format("{{\"return\": {}, \"id\": {}}}\n", value, id_));
    }
    void refuse(std::string_view why) {
        qemu_.send(fmt::format(R"({{"error": {{"class": "GenericError", "desc": "{}"}}, "id": {}}})"
                               "\n",
                               why, id_));
    }
    json::object answer(std::string_view command, std::string_view value = "{}") {
        auto arguments = take(command);
        reply(value);
        return arguments;
    }
    void answer_status(std::string_view status, std::string_view failure = "") {
        answer("query-migrate",
               fmt::format(R"({{"status": "{}", "error-desc": "{}"}})", status, failure));
    }
    /// The steps before the migration itself, in a guest with 200 MB.
    void answer_preparation(std::vector<std::string> expected) {
        answer("query-memory-size-summary", R"({"base-memory": 200000000, "plugged-memory": 0})");
        auto capabilities = answer("migrate-set-capabilities");
        std::vector<std::string> enabled;
        for (const auto& each : capabilities["capabilities"].as_array())
            if (each.at("state").as_bool()) enabled.emplace_back(each.at("capability").as_string());
        EXPECT_EQ(enabled, expected);
        EXPECT_EQ(answer("migrate-set-parameters")["max-bandwidth"].to_number<int>(), 0);
    }
    void expect_file(const json::object& arguments) {
        const auto& address =
            arguments.at("channels").as_array().at(0).as_object().at("addr").as_object();
        EXPECT_EQ(address.at("transport").as_string(), "file");
        EXPECT_EQ(address.at("filename").as_string(), state_file);
    }
    io::Pending<void> begin_save() {
        auto saving = runtime_.start(migration_->save(state_file));
        answer_preparation({"mapped-ram", "multifd"});
        expect_file(answer("migrate"));
        return saving;
    }
    template <class Failure = io::Error>
    std::string failure_of(io::Pending<void> pending) {
        try {
            result_of(std::move(pending));
        } catch (const Failure& failure) {
            return failure.what();
        }
        return "it did not fail";
    }

    fakes::ManualTime time_;  // outlives the runtime, whose coroutines may still sleep
    io::Runtime runtime_;
    std::pair<io::UnixStream, fakes::Peer> ends_;
    fakes::Peer& qemu_ = ends_.second;
    std::shared_ptr<qmp::Client> qmp_;
    std::unique_ptr<Migration> migration_;
    std::int64_t id_ = 0;  ///< of the last command
    json::object arguments_;
};

class OldQemuTest : public MigrationTest {
protected:
    OldQemuTest() : MigrationTest(8, 2) {}
};

TEST(QemuVersion, IsComparedByNumber) {
    EXPECT_EQ(parse_qemu_version("10.0.2"), (QemuVersion{10, 0}));
    EXPECT_LT(parse_qemu_version("9.2.1"), parse_qemu_version("10.0.0"));
    EXPECT_LT(parse_qemu_version("9.2.1"), parse_qemu_version("9.10.0"));
    EXPECT_EQ(parse_qemu_version("7"), (QemuVersion{7, 0}));
    EXPECT_EQ(parse_qemu_version(""), (QemuVersion{0, 0}));
    EXPECT_EQ(parse_qemu_version("unknown"), (QemuVersion{0, 0}));
}

TEST_F(OldQemuTest, IsRefusedWithBothVersions) {
    try {
        migration_->expect_supported();
        ADD_FAILURE() << "it is not refused";
    } catch (const io::Error& error) {
        EXPECT_STREQ(error.what(),
                     "the state of a guest can be saved and loaded by QEMU 9.0 and newer, and this "
                     "is QEMU 8.2.1");
    }
}

TEST_F(MigrationTest, AStoppedGuestWithoutBlockersCanBeSaved) {
    EXPECT_NO_THROW(migration_->expect_supported());
    auto checking = runtime_.start(migration_->expect_savable());
    answer("query-status", R"({"status": "paused", "running": false})");
    answer("query-migrate");
    EXPECT_NO_THROW(result_of(checking));
}

TEST_F(MigrationTest, ARunningGuestIsRefused) {
    auto checking = runtime_.start(migration_->expect_savable());
    answer("query-status", R"({"status": "running", "running": true})");
    EXPECT_EQ(failure_of<io::UsageError>(checking),
              "its guest is running: pause() it before its state is saved");
}

TEST_F(MigrationTest, AllReasonsThatPreventSavingAreReported) {
    auto checking = runtime_.start(migration_->expect_savable());
    answer("query-status", R"({"status": "paused", "running": false})");
    answer("query-migrate", R"({"blocked-reasons": ["a share is mounted", "no such state"]})");
    EXPECT_EQ(failure_of(checking), "its state cannot be saved: a share is mounted; no such state");
}

TEST_F(MigrationTest, SavesToTheFileAndWaitsUntilThatIsCompleted) {
    auto saving = begin_save();
    for (auto status : {"setup", "active", "device"}) answer_status(status);
    answer_status("completed");
    EXPECT_NO_THROW(result_of(saving));
}

TEST_F(MigrationTest, AFailureHasQemusReason) {
    auto saving = begin_save();
    answer_status("active");
    answer_status("failed", "No space left on device");
    answer("migrate_cancel");
    answer_status("failed");
    EXPECT_EQ(failure_of(saving), "QEMU reports: No space left on device");
}

TEST_F(MigrationTest, AFailureWithoutAReasonHasItsStatus) {
    auto saving = begin_save();
    answer_status("cancelled");
    answer("migrate_cancel");
    answer_status("cancelled");
    EXPECT_EQ(failure_of(saving), "QEMU reports: the migration is cancelled");
}

TEST_F(MigrationTest, ARefusalHasQemusReason) {
    auto saving = runtime_.start(migration_->save(state_file));
    answer_preparation({"mapped-ram", "multifd"});
    take("migrate");
    refuse("State blocked by non-migratable device");
    answer("migrate_cancel");
    answer_status("none");
    EXPECT_THAT(failure_of(saving), HasSubstr("State blocked by non-migratable device"));
}

TEST_F(MigrationTest, TheLimitGrowsWithTheRamAndTheAcceleratorsPatience) {
    auto saving = begin_save();
    answer_status("active");
    time_.advance(300s);  // five times 60 s; the rest is for 200 MB
    answer_status("active");
    time_.advance(50s);
    auto next = take_any();
    if (next == "query-migrate") {
        reply(R"({"status": "active"})");
        next = take_any();
    }
    EXPECT_EQ(next, "migrate_cancel");
    reply("{}");
    answer_status("cancelling");
    answer_status("cancelled");
    EXPECT_THAT(failure_of<io::TimeoutError>(saving), EndsWith(" within 350 s"));
}

TEST_F(MigrationTest, ACancelledCallWaitsUntilQemuDoesNotWriteAnyMore) {
    auto saving = begin_save();
    answer_status("active");
    saving.cancel();
    answer("migrate_cancel");
    answer_status("cancelled");
    EXPECT_THROW(result_of(saving), io::Interrupted);
}

TEST_F(MigrationTest, ACancelledCallDoesNotWaitForAQemuThatHasEnded) {
    auto saving = begin_save();
    take("query-migrate");
    qemu_.close();
    EXPECT_EQ(failure_of<io::ConnectionLost>(saving), "QEMU ended with status 1");
}

TEST_F(MigrationTest, LoadsTheFile) {
    auto loading = runtime_.start(migration_->load(state_file, 200000001));
    answer_preparation({"mapped-ram"});
    expect_file(answer("migrate-incoming"));
    answer_status("active");
    answer_status("completed");
    EXPECT_NO_THROW(result_of(loading));
}

TEST_F(MigrationTest, AFileThatIsShorterThanTheRamIsOfAnotherGuest) {
    auto loading = runtime_.start(migration_->load(state_file, 199999999));
    answer_preparation({"mapped-ram"});
    answer("migrate-incoming");
    answer_status("completed");
    EXPECT_EQ(failure_of(loading), "it is the state of a guest with less memory");
}

TEST_F(MigrationTest, AFileThatCannotBeLoadedEndsQemu) {
    auto loading = runtime_.start(migration_->load(state_file, 200000001));
    answer_preparation({"mapped-ram"});
    answer("migrate-incoming");
    take("query-migrate");
    qemu_.close();
    EXPECT_EQ(failure_of<io::ConnectionLost>(loading), "QEMU ended with status 1");
}

TEST_F(MigrationTest, OtherAnswersOfQemuAreNotUnderstoodAsSuccess) {
    auto saving = runtime_.start(migration_->save(state_file));
    answer("query-memory-size-summary", R"(["no", "sizes"])");
    answer("migrate-set-capabilities");
    answer("migrate-set-parameters");
    answer("migrate");
    answer("query-migrate", R"("no report")");
    answer("migrate_cancel");
    answer("query-migrate", R"({"status": 5})");
    EXPECT_THAT(failure_of(saving), HasSubstr("QEMU reports: the migration is "));
}

}  // namespace
}  // namespace charioteer::machine
