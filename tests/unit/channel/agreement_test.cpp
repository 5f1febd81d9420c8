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
        multiplexer_->on_restored([this] { ++restored_; });
    }
    /// The frames that the driver has sent since the last call, without padding for truncated
    /// frames.
    std::vector<Frame> sent_frames() {
        while (sent_.starts_with('\0')) sent_.erase(0, sent_.find_first_not_of('\0'));
        return MultiplexerTest::sent_frames();
    }
    /// The agent receives these frames of the driver.
    void agent_receives(const std::vector<Frame>& frames) {
        for (const auto& each : frames) {
            if (each.header.type == Type::hello) continue;
            std::array<unsigned char, frames::header_size> header{};
            frames::write_header(
                each.header,
                {reinterpret_cast<const unsigned char*>(each.payload.data()), each.payload.size()},
                header);
            agent_received_.pass(header.data());
        }
    }
    /// The last hello of the driver.
    Hello sent_hello() {
        auto hellos = of(Type::hello, sent_frames());
        EXPECT_EQ(hellos.size(), 1U);
        return hellos.empty() ? Hello{} : decoded<Hello>(hellos.back());
    }
    void answer(const Hello& request, std::uint32_t flags, std::uint64_t number = nonce) {
        auto next = sequence_;
        multiplexer_->receive_bytes(hello(Hello{.version = frames::version,
                                                .nonce = number,
                                                .epoch = request.epoch,
                                                .flags = flags,
                                                .next = agent_received_.next,
                                                .chain = agent_received_.chain}));
        sequence_ = (request.flags & Hello::reset) != 0 ? 0 : next;
        turn();
    }
    /// The guest is restored to a state in which its agent had received nothing, while `call` runs.
    void restore_guest() {
        multiplexer_->resynchronise();
        agent_received_ = {};
        answer(sent_hello(), 0);
        answer(sent_hello(), 0);
    }

    frames::Progress agent_received_;
    int restored_ = 0;
};

TEST_F(AgreementTest, FramesThatTheAgentHasNotReceivedAreResent) {
    auto first = start("first");
    agent_receives(sent_frames());
    auto second = start("second");
    sent_frames();
    multiplexer_->resynchronise();
    answer(sent_hello(), Hello::continues);
    auto again = sent_frames();
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].header.sequence, 1U);
    EXPECT_THAT(again[0].payload, HasSubstr("second"));
    agent_sends_exit(1);
    agent_sends_exit(2);
    EXPECT_TRUE(first->ended());
    EXPECT_TRUE(second->ended());
    EXPECT_EQ(restored_, 0);
}

TEST_F(AgreementTest, CommandsWaitDuringTheAgreement) {
    multiplexer_->resynchronise();
    auto request = sent_hello();
    auto call = start("later");
    EXPECT_TRUE(multiplexer_->usable());
    EXPECT_THAT(sent_frames(), IsEmpty());
    answer(request, Hello::continues);
    EXPECT_EQ(of(Type::exec, sent_frames()).size(), 1U);
}

TEST_F(AgreementTest, ReportsTheReceivedFramesAndReceivesTheRestAgain) {
    auto call = start();
    agent_receives(sent_frames());
    agent_sends(Type::output, 1, "one ");
    ++sequence_;
    agent_sends(Type::output, 1, "three");
    auto request = sent_hello();
    EXPECT_EQ(request.next, 1U);
    EXPECT_NE(request.chain, 0U);
    EXPECT_EQ(request.flags, 0U);
    // Frames before the reply are ignored.
    agent_sends(Type::output, 1, "four");
    sequence_ = 1;
    answer(request, Hello::continues);
    agent_sends(Type::output, 1, "two ");
    agent_sends(Type::output, 1, "three");
    EXPECT_EQ(begin(call->next())->value.value()->bytes, "one two three");
}

TEST_F(AgreementTest, AReplyToAnEarlierHelloIsIgnored) {
    multiplexer_->resynchronise();
    auto first = sent_hello();
    multiplexer_->resynchronise();
    answer(first, Hello::continues);
    EXPECT_FALSE(multiplexer_->synchronised());
    answer(sent_hello(), Hello::continues);
    EXPECT_TRUE(multiplexer_->synchronised());
}

TEST_F(AgreementTest, ARunningCommandIsLostWhenTheGuestIsRestored) {
    auto call = start();
    auto waiting = begin(call->next());
    sent_frames();
    restore_guest();
    EXPECT_THAT(waiting->error, HasSubstr("the guest was restored to an earlier state"));
    EXPECT_EQ(waiting->kind, "ConnectionLost");
    EXPECT_EQ(restored_, 1);
    auto next = start();
    agent_sends_exit(2);
    EXPECT_TRUE(next->ended());
}

TEST_F(AgreementTest, ACommandThatTheGuestNeverReceivedIsSentToTheRestoredAgent) {
    start()->detach();
    sent_frames();
    multiplexer_->resynchronise();
    auto request = sent_hello();
    auto call = start("fresh");
    agent_received_ = {.next = 7, .chain = 7};
    answer(request, 0);
    answer(sent_hello(), 0);
    auto sent = sent_frames();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].header.sequence, 0U);
    EXPECT_THAT(sent[0].payload, HasSubstr("fresh"));
    agent_sends_exit(2);
    EXPECT_TRUE(call->ended());
}

TEST_F(AgreementTest, TheSameNumberOfOtherFramesIsAnotherHistory) {
    start()->detach();
    sent_frames();
    multiplexer_->resynchronise();
    agent_received_ = {.next = 1, .chain = 1};
    answer(sent_hello(), Hello::continues);
    EXPECT_EQ(restored_, 1);
}

TEST_F(AgreementTest, TheGuestMayBeRestoredToAnotherAgent) {
    multiplexer_->resynchronise();
    answer(sent_hello(), Hello::continues, nonce + 1);
    EXPECT_EQ(restored_, 1);
    answer(sent_hello(), 0, nonce + 1);
    EXPECT_TRUE(multiplexer_->synchronised());
}

TEST_F(AgreementTest, OutputOfCommandsBeforeTheRestoreIsLogged) {
    restore_guest();
    agent_sends(Type::errors, frames::orphan | 5, std::string(20 * 1024, 'x') + "\n");
    EXPECT_EQ(late_.size(), 1U);
    EXPECT_GE(returned_credit(), 16U * 1024);
    agent_sends(Type::closed, frames::orphan | 5);
    EXPECT_TRUE(multiplexer_->synchronised());
}

TEST_F(AgreementTest, AnAgentOfARestoredGuestIsAdopted) {
    multiplexer_->fail("another driver");
    multiplexer_->adopt();
    auto greeted = begin(multiplexer_->greeted());
    auto request = sent_hello();
    EXPECT_EQ(request.nonce, 0U);
    EXPECT_EQ(request.flags, Hello::reset);
    answer(request, 0, nonce + 5);
    EXPECT_TRUE(greeted->value);
    start()->detach();
    EXPECT_EQ(of(Type::exec, sent_frames()).size(), 1U);
}

TEST_F(AgreementTest, AnAdoptedAgentIsResetOnce) {
    multiplexer_->fail("another driver");
    multiplexer_->adopt();
    auto greeted = begin(multiplexer_->greeted());
    auto request = sent_hello();
    answer(request, 0, nonce + 5);
    // A command that still runs may write before the agent receives anything.
    agent_sends(Type::errors, frames::orphan | 5, "still here\n");
    EXPECT_THAT(late_, ElementsAre("still here"));
    EXPECT_THAT(of(Type::hello, sent_frames()), IsEmpty());
    EXPECT_TRUE(multiplexer_->synchronised());
    EXPECT_TRUE(greeted->value);
}

TEST_F(AgreementTest, AnAgentThatStartsDuringAnAdoptionIsReset) {
    multiplexer_->fail("another driver");
    multiplexer_->adopt();
    sent_frames();
    multiplexer_->receive_bytes(hello(nonce + 5));
    auto request = sent_hello();
    EXPECT_EQ(request.nonce, nonce + 5);
    EXPECT_EQ(request.flags, Hello::reset);
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
    sent_frames();
    for (int i = 0; i < 3; ++i) agent_sends(Type::output, 1, std::string(16 * 1024, 'x'));
    auto acks = of(Type::ack, sent_frames());
    ASSERT_EQ(acks.size(), 1U);
    EXPECT_EQ(decoded<frames::Ack>(acks[0]).next, 2U);
}

TEST_F(AgreementTest, AcknowledgedFramesAreNotResent) {
    start()->detach();
    agent_receives(sent_frames());
    agent_sends(Type::ack, 0, payload_of(frames::Ack{.next = 1}));
    multiplexer_->resynchronise();
    answer(sent_hello(), Hello::continues);
    EXPECT_THAT(sent_frames(), IsEmpty());
    EXPECT_EQ(restored_, 0);
}

TEST_F(AgreementTest, AConnectionThatLosesFramesRepeatedlyIsClosed) {
    for (int times = 0; times < 100 && multiplexer_->usable(); ++times) {
        ++sequence_;
        agent_sends(Type::output, 1, "x");
        if (multiplexer_->usable()) answer(sent_hello(), Hello::continues);
    }
    EXPECT_THAT(why_lost(), HasSubstr("lost repeatedly"));
}

TEST_F(AgreementTest, AGuestThatPretendsLossesReceivesLittle) {
    ++sequence_;
    agent_sends(Type::refused, 0, "lost");
    auto first = sent_.size();
    answer(sent_hello(), Hello::continues);
    agent_sends(Type::refused, 0, "lost");
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
        multiplexer_->resynchronise_again();
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
        auto request = Hello{.epoch = static_cast<std::uint32_t>(2 + times)};
        answer(request, Hello::continues);
        ASSERT_TRUE(multiplexer_->synchronised());
        time_.advance(1h);
        multiplexer_->resynchronise();
    }
    EXPECT_LT(sent_.size(), once + 5 * 200);
}

TEST_F(AgreementTest, AnAgentThatRepliesAfterARepeatedHelloAgrees) {
    constexpr auto delay = 25s;
    std::deque<std::pair<io::TimePoint, Hello>> requests;
    for (auto passed = 0s; passed < 2min && !multiplexer_->synchronised(); passed += 5s) {
        if (passed == 0s) multiplexer_->resynchronise();
        if (passed % 10s == 0s) multiplexer_->resynchronise_again();
        for (const auto& request : of(Type::hello, sent_frames()))
            requests.emplace_back(time_.now(), decoded<Hello>(request));
        time_.advance(5s);
        while (!requests.empty() && requests.front().first + delay <= time_.now()) {
            answer(requests.front().second, Hello::continues);
            requests.pop_front();
        }
    }
    EXPECT_TRUE(multiplexer_->synchronised());
    EXPECT_THAT(requests, IsEmpty());
}

TEST_F(AgreementTest, HellosToASilentAgentAreRepeatedWithGrowingPauses) {
    multiplexer_->resynchronise();
    sent_frames();
    std::vector<int> repeated_at;
    for (int second = 1; second <= 100; ++second) {
        time_.advance(1s);
        multiplexer_->resynchronise_again();
        if (!of(Type::hello, sent_frames()).empty()) repeated_at.push_back(second);
    }
    EXPECT_THAT(repeated_at, ElementsAre(10, 30, 70));
    // After an event that loses frames, a hello is sent immediately.
    multiplexer_->resynchronise();
    EXPECT_EQ(of(Type::hello, sent_frames()).size(), 1U);
}

TEST_F(AgreementTest, ACommandThatIsCancelledBeforeItIsSentIsNeverSent) {
    multiplexer_->resynchronise();
    auto request = sent_hello();
    auto cancelled = start("cancelled");
    auto dropped = start("dropped");
    auto wanted = start("wanted");
    cancelled->cancel();
    dropped.reset();
    answer(request, Hello::continues);
    auto sent = sent_frames();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].header.sequence, 0U);
    EXPECT_THAT(sent[0].payload, HasSubstr("wanted"));
    agent_sends_exit(3);
    EXPECT_TRUE(wanted->ended());
}

TEST_F(AgreementTest, ADetachedPendingCommandIsSent) {
    multiplexer_->resynchronise();
    auto request = sent_hello();
    start()->detach();
    answer(request, Hello::continues);
    EXPECT_EQ(of(Type::exec, sent_frames()).size(), 1U);
}

}  // namespace
}  // namespace charioteer::channel
