// Resending lost frames, and the agreement with an agent whose guest was restored to an earlier
// state.

#include <deque>
#include <utility>

#include "multiplexer_fixture.hpp"

namespace charioteer::channel {
namespace {

using namespace std::chrono_literals;
using frames::Hello;
using frames::Type;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class AgreementTest : public MultiplexerTest {
protected:
    AgreementTest() {
        greet();
        multiplexer_->on_gone_back([this] { ++went_back_; });
    }
    /// The frames that the driver has sent since the last call, without padding for truncated
    /// frames.
    std::vector<Frame> heard() {
        while (sent_.starts_with('\0')) sent_.erase(0, sent_.find_first_not_of('\0'));
        return MultiplexerTest::heard();
    }
    /// The agent receives frames of the driver.
    void hear(const std::vector<Frame>& frames) {
        for (const auto& each : frames) {
            if (each.header.type == Type::hello) continue;
            std::array<unsigned char, frames::header_size> header{};
            frames::write_header(
                each.header,
                {reinterpret_cast<const unsigned char*>(each.payload.data()), each.payload.size()},
                header);
            agent_heard_.pass(header.data());
        }
    }
    /// The last hello of the driver.
    Hello asked() {
        auto hellos = of(Type::hello, heard());
        EXPECT_EQ(hellos.size(), 1U);
        return hellos.empty() ? Hello{} : decoded<Hello>(hellos.back());
    }
    void answer(const Hello& question, std::uint32_t flags, std::uint64_t number = nonce) {
        auto next = sequence_;
        multiplexer_->take_bytes(hello(Hello{.version = frames::version,
                                             .nonce = number,
                                             .epoch = question.epoch,
                                             .flags = flags,
                                             .next = agent_heard_.next,
                                             .chain = agent_heard_.chain}));
        sequence_ = (question.flags & Hello::anew) != 0 ? 0 : next;
        turn();
    }
    /// The guest is restored to a state in which its agent had received nothing, while `call` runs.
    void go_back() {
        multiplexer_->resynchronise();
        agent_heard_ = {};
        answer(asked(), 0);
        answer(asked(), 0);
    }

    frames::Progress agent_heard_;
    int went_back_ = 0;
};

TEST_F(AgreementTest, FramesThatTheAgentHasNotReceivedAreResent) {
    auto first = start("first");
    hear(heard());
    auto second = start("second");
    heard();
    multiplexer_->resynchronise();
    answer(asked(), Hello::continues);
    auto again = heard();
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].header.sequence, 1U);
    EXPECT_THAT(again[0].payload, HasSubstr("second"));
    say_exit(1);
    say_exit(2);
    EXPECT_TRUE(first->ended());
    EXPECT_TRUE(second->ended());
    EXPECT_EQ(went_back_, 0);
}

TEST_F(AgreementTest, CommandsWaitDuringTheAgreement) {
    multiplexer_->resynchronise();
    auto question = asked();
    auto call = start("later");
    EXPECT_TRUE(multiplexer_->usable());
    EXPECT_THAT(heard(), IsEmpty());
    answer(question, Hello::continues);
    EXPECT_EQ(of(Type::exec, heard()).size(), 1U);
}

TEST_F(AgreementTest, ReportsTheReceivedFramesAndReceivesTheRestAgain) {
    auto call = start();
    hear(heard());
    say(Type::output, 1, "one ");
    ++sequence_;
    say(Type::output, 1, "three");
    auto question = asked();
    EXPECT_EQ(question.next, 1U);
    EXPECT_NE(question.chain, 0U);
    EXPECT_EQ(question.flags, 0U);
    // Frames before the reply are ignored.
    say(Type::output, 1, "four");
    sequence_ = 1;
    answer(question, Hello::continues);
    say(Type::output, 1, "two ");
    say(Type::output, 1, "three");
    EXPECT_EQ(begin(call->next())->value.value()->bytes, "one two three");
}

TEST_F(AgreementTest, AReplyToAnEarlierHelloIsIgnored) {
    multiplexer_->resynchronise();
    auto first = asked();
    multiplexer_->resynchronise();
    answer(first, Hello::continues);
    EXPECT_FALSE(multiplexer_->in_step());
    answer(asked(), Hello::continues);
    EXPECT_TRUE(multiplexer_->in_step());
}

TEST_F(AgreementTest, ARunningCommandIsLostWhenTheGuestIsRestored) {
    auto call = start();
    auto waiting = begin(call->next());
    heard();
    go_back();
    EXPECT_THAT(waiting->error, HasSubstr("the guest went back to an earlier state"));
    EXPECT_EQ(waiting->kind, "ConnectionLost");
    EXPECT_EQ(went_back_, 1);
    auto next = start();
    say_exit(2);
    EXPECT_TRUE(next->ended());
}

TEST_F(AgreementTest, ACommandThatTheGuestNeverReceivedIsSentToTheRestoredAgent) {
    start()->detach();
    heard();
    multiplexer_->resynchronise();
    auto question = asked();
    auto call = start("fresh");
    agent_heard_ = {.next = 7, .chain = 7};
    answer(question, 0);
    answer(asked(), 0);
    auto sent = heard();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].header.sequence, 0U);
    EXPECT_THAT(sent[0].payload, HasSubstr("fresh"));
    say_exit(2);
    EXPECT_TRUE(call->ended());
}

TEST_F(AgreementTest, TheSameNumberOfOtherFramesIsAnotherHistory) {
    start()->detach();
    heard();
    multiplexer_->resynchronise();
    agent_heard_ = {.next = 1, .chain = 1};
    answer(asked(), Hello::continues);
    EXPECT_EQ(went_back_, 1);
}

TEST_F(AgreementTest, TheGuestMayBeRestoredToAnotherAgent) {
    multiplexer_->resynchronise();
    answer(asked(), Hello::continues, nonce + 1);
    EXPECT_EQ(went_back_, 1);
    answer(asked(), 0, nonce + 1);
    EXPECT_TRUE(multiplexer_->in_step());
}

TEST_F(AgreementTest, OutputOfCommandsBeforeTheRestoreIsLogged) {
    go_back();
    say(Type::errors, frames::orphan | 5, std::string(20 * 1024, 'x') + "\n");
    EXPECT_EQ(late_.size(), 1U);
    EXPECT_GE(credit_heard(), 16U * 1024);
    say(Type::closed, frames::orphan | 5);
    EXPECT_TRUE(multiplexer_->in_step());
}

TEST_F(AgreementTest, AnAgentOfARestoredGuestIsAdopted) {
    multiplexer_->fail("another driver");
    multiplexer_->adopt();
    auto greeted = begin(multiplexer_->greeted());
    auto question = asked();
    EXPECT_EQ(question.nonce, 0U);
    EXPECT_EQ(question.flags, Hello::anew);
    answer(question, 0, nonce + 5);
    EXPECT_TRUE(greeted->value);
    start()->detach();
    EXPECT_EQ(of(Type::exec, heard()).size(), 1U);
}

TEST_F(AgreementTest, AnAdoptedAgentIsResetOnce) {
    multiplexer_->fail("another driver");
    multiplexer_->adopt();
    auto greeted = begin(multiplexer_->greeted());
    auto question = asked();
    answer(question, 0, nonce + 5);
    // A command that still runs may write before the agent receives anything.
    say(Type::errors, frames::orphan | 5, "still here\n");
    EXPECT_THAT(late_, ElementsAre("still here"));
    EXPECT_THAT(of(Type::hello, heard()), IsEmpty());
    EXPECT_TRUE(multiplexer_->in_step());
    EXPECT_TRUE(greeted->value);
}

TEST_F(AgreementTest, AnAgentThatStartsDuringAnAdoptionIsReset) {
    multiplexer_->fail("another driver");
    multiplexer_->adopt();
    heard();
    multiplexer_->take_bytes(hello(nonce + 5));
    auto question = asked();
    EXPECT_EQ(question.nonce, nonce + 5);
    EXPECT_EQ(question.flags, Hello::anew);
}

TEST_F(AgreementTest, AnUnsentCommandReportsThisWhenTheAgentIsLost) {
    auto sent = start();
    multiplexer_->resynchronise();
    auto unsent = start();
    auto one = begin(sent->next());
    auto two = begin(unsent->next());
    multiplexer_->fail("the guest shut down");
    turn();
    EXPECT_EQ(one->kind, "ConnectionLost");
    EXPECT_EQ(two->kind, "NotSent");
    EXPECT_THROW(multiplexer_->start({}), NotSent);
}

TEST_F(AgreementTest, ReceivedFramesAreAcknowledgedFromTimeToTime) {
    auto call = start();
    heard();
    for (int i = 0; i < 3; ++i) say(Type::output, 1, std::string(16 * 1024, 'x'));
    auto acks = of(Type::ack, heard());
    ASSERT_EQ(acks.size(), 1U);
    EXPECT_EQ(decoded<frames::Ack>(acks[0]).next, 2U);
}

TEST_F(AgreementTest, AcknowledgedFramesAreNotResent) {
    start()->detach();
    hear(heard());
    say(Type::ack, 0, payload_of(frames::Ack{.next = 1}));
    multiplexer_->resynchronise();
    answer(asked(), Hello::continues);
    EXPECT_THAT(heard(), IsEmpty());
    EXPECT_EQ(went_back_, 0);
}

TEST_F(AgreementTest, AConnectionThatLosesFramesRepeatedlyIsClosed) {
    for (int times = 0; times < 100 && multiplexer_->usable(); ++times) {
        ++sequence_;
        say(Type::output, 1, "x");
        if (multiplexer_->usable()) answer(asked(), Hello::continues);
    }
    EXPECT_THAT(why_lost(), HasSubstr("again and again"));
}

TEST_F(AgreementTest, AGuestThatPretendsLossesReceivesLittle) {
    ++sequence_;
    say(Type::refused, 0, "lost");
    auto first = sent_.size();
    answer(asked(), Hello::continues);
    say(Type::refused, 0, "lost");
    EXPECT_LT(sent_.size(), 200U);
    EXPECT_GT(first, frames::max_frame);
}

TEST_F(AgreementTest, AGuestThatReadsNothingHasOnePendingHello) {
    multiplexer_->resynchronise();
    guest_reads_nothing_ = true;
    auto waiting = sent_.size();
    for (int hours = 0; hours < 100; ++hours) {
        time_.advance(1h);
        multiplexer_->resynchronise();
        multiplexer_->ask_again();
    }
    EXPECT_EQ(sent_.size(), waiting);
    guest_reads_nothing_ = false;
    multiplexer_->resynchronise();
    EXPECT_GT(sent_.size(), waiting);
}

TEST_F(AgreementTest, AGuestThatReadsNothingIsPaddedOnce) {
    guest_reads_nothing_ = true;
    multiplexer_->resynchronise();
    auto once = sent_.size();
    for (int times = 0; times < 5; ++times) {
        auto question = Hello{.epoch = static_cast<std::uint32_t>(2 + times)};
        answer(question, Hello::continues);
        ASSERT_TRUE(multiplexer_->in_step());
        time_.advance(1h);
        multiplexer_->resynchronise();
    }
    EXPECT_LT(sent_.size(), once + 5 * 200);
}

TEST_F(AgreementTest, AnAgentThatRepliesAfterARepeatedHelloAgrees) {
    constexpr auto delay = 25s;
    std::deque<std::pair<io::TimePoint, Hello>> questions;
    for (auto passed = 0s; passed < 2min && !multiplexer_->in_step(); passed += 5s) {
        if (passed == 0s) multiplexer_->resynchronise();
        if (passed % 10s == 0s) multiplexer_->ask_again();
        for (const auto& question : of(Type::hello, heard()))
            questions.emplace_back(time_.now(), decoded<Hello>(question));
        time_.advance(5s);
        while (!questions.empty() && questions.front().first + delay <= time_.now()) {
            answer(questions.front().second, Hello::continues);
            questions.pop_front();
        }
    }
    EXPECT_TRUE(multiplexer_->in_step());
    EXPECT_THAT(questions, IsEmpty());
}

TEST_F(AgreementTest, HellosToASilentAgentAreRepeatedWithGrowingPauses) {
    multiplexer_->resynchronise();
    heard();
    std::vector<int> asked;
    for (int second = 1; second <= 100; ++second) {
        time_.advance(1s);
        multiplexer_->ask_again();
        if (!of(Type::hello, heard()).empty()) asked.push_back(second);
    }
    EXPECT_THAT(asked, ElementsAre(10, 30, 70));
    // After an event that loses frames, a hello is sent immediately.
    multiplexer_->resynchronise();
    EXPECT_EQ(of(Type::hello, heard()).size(), 1U);
}

TEST_F(AgreementTest, ACommandThatIsCancelledBeforeItIsSentIsNeverSent) {
    multiplexer_->resynchronise();
    auto question = asked();
    auto cancelled = start("cancelled");
    auto dropped = start("dropped");
    auto wanted = start("wanted");
    cancelled->cancel();
    dropped.reset();
    answer(question, Hello::continues);
    auto sent = heard();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].header.sequence, 0U);
    EXPECT_THAT(sent[0].payload, HasSubstr("wanted"));
    say_exit(3);
    EXPECT_TRUE(wanted->ended());
}

TEST_F(AgreementTest, ADetachedPendingCommandIsSent) {
    multiplexer_->resynchronise();
    auto question = asked();
    start()->detach();
    answer(question, Hello::continues);
    EXPECT_EQ(of(Type::exec, heard()).size(), 1U);
}

}  // namespace
}  // namespace charioteer::channel
