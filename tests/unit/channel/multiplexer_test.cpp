// The multiplexer: greeting, calls, and agents that violate the protocol.

#include "multiplexer_fixture.hpp"

namespace charioteer::channel {
namespace {

using namespace std::chrono_literals;
using frames::Type;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(MultiplexerTest, IgnoresFramesBeforeAnAgentIsExpected) {
    multiplexer_->receive_bytes(hello());
    EXPECT_FALSE(multiplexer_->usable());
    EXPECT_EQ(why_lost(), "no agent was started");
    EXPECT_THAT(sent_frames(), IsEmpty());
}

TEST_F(MultiplexerTest, GreetsTheAgentThatItExpects) {
    multiplexer_->expect(nonce);
    auto greeted = begin(multiplexer_->greeted());
    EXPECT_FALSE(greeted->done);
    multiplexer_->receive_bytes(hello(nonce + 1));
    turn();
    EXPECT_FALSE(greeted->done);
    multiplexer_->receive_bytes(hello());
    turn();
    ASSERT_TRUE(greeted->value);
    auto answer = sent_frames();
    ASSERT_EQ(answer.size(), 1u);
    EXPECT_EQ(answer[0].header.sequence, 0u);
    EXPECT_EQ(decoded<frames::Hello>(answer[0]).nonce, nonce);
}

TEST_F(MultiplexerTest, RejectsAnotherVersion) {
    multiplexer_->expect(nonce);
    auto greeted = begin(multiplexer_->greeted());
    multiplexer_->receive_bytes(hello(nonce, 7));
    turn();
    EXPECT_THAT(greeted->error, HasSubstr("version 7"));
    EXPECT_FALSE(multiplexer_->usable());
}

TEST_F(MultiplexerTest, FindsFramesInNoiseInEverySplit) {
    std::string noise(
        "\xfe"
        "ChF login: \xfe\0Ch\n",
        17);
    auto greeting = noise + hello();
    auto feed = [&](std::string_view bytes, std::size_t split) {
        multiplexer_->receive_bytes(bytes.substr(0, split % bytes.size()));
        multiplexer_->receive_bytes(bytes.substr(split % bytes.size()));
    };
    for (std::size_t split = 0; split < 100; ++split) {
        multiplexer_->expect(nonce);
        feed(greeting, split);
        ASSERT_TRUE(multiplexer_->usable()) << split;
        sent_frames();
        auto call = start();
        auto number = of(Type::exec, sent_frames()).at(0).header.stream;
        sequence_ = 0;
        auto rest = frame(Type::started, number, payload_of(frames::Started{42}));
        rest += frame(Type::output, number, "text");
        feed(rest, split);
        EXPECT_EQ(begin(call->started())->value, 42u);
        EXPECT_EQ(begin(call->next())->value.value()->bytes, "text");
    }
}

TEST_F(MultiplexerTest, TheNonceOfTheNextAgentIsSentToTheCurrentOne) {
    greet();
    auto waiting = begin(start()->next());
    sent_frames();
    multiplexer_->expect(nonce + 1);
    turn();
    EXPECT_EQ(waiting->error, "the agent was replaced by another one");
    auto sent = sent_frames();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(decoded<frames::Hello>(sent[0]).nonce, nonce + 1);
    multiplexer_->receive_bytes(hello(nonce + 1));
    EXPECT_TRUE(multiplexer_->usable());
}

TEST_F(MultiplexerTest, ReportsTheOutcomeOfACommand) {
    greet();
    auto call = start();
    auto next = begin(call->next());
    agent_sends(Type::started, 1, payload_of(frames::Started{42}));
    agent_sends(Type::errors, 1, "oh");
    EXPECT_EQ(next->value.value()->source, Source::errors);
    frames::Exit exit{.status = 137, .signal = 9, .timed_out = 1, .microseconds = 5};
    agent_sends(Type::exit, 1, payload_of(exit));
    EXPECT_FALSE(begin(call->next())->value.value());
    EXPECT_EQ(call->outcome().status, 137);
    EXPECT_EQ(call->outcome().signal, 9);
    EXPECT_TRUE(call->outcome().timed_out);
    EXPECT_EQ(call->outcome().duration, 5us);
    EXPECT_TRUE(held_.empty());
}

TEST_F(MultiplexerTest, ReportsPipeHoldersDuringTheWaitAndWhenTheyAreAbandoned) {
    greet();
    auto call = start("daemon &");
    auto exec = decoded<frames::Exec>(of(Type::exec, sent_frames()).at(0));
    EXPECT_EQ(exec.holder_report, 10'000u);
    EXPECT_EQ(exec.holder_limit, 300'000u);
    auto next = begin(call->next());
    agent_sends(Type::held, 1, "sleep (pid 7)");
    ASSERT_EQ(held_.size(), 1u);
    EXPECT_EQ(held_[0].command, "daemon &");
    EXPECT_EQ(held_[0].holders, "sleep (pid 7)");
    EXPECT_EQ(held_[0].state, HeldOutput::State::waiting);
    EXPECT_FALSE(next->done);
    agent_sends(Type::exit, 1, payload_of(frames::Exit{.held = 1}) + "cat (pid 8)");
    ASSERT_EQ(held_.size(), 2u);
    EXPECT_EQ(held_[1].holders, "cat (pid 8)");
    EXPECT_EQ(held_[1].state, HeldOutput::State::given_up);
    EXPECT_TRUE(next->done);
}

TEST_F(MultiplexerTest, ReportsProcessesThatSigkillHasNotEnded) {
    greet();
    auto call = start("sync");
    auto next = begin(call->next());
    frames::Exit exit{.status = 124, .timed_out = 1, .held = frames::Exit::not_ended};
    agent_sends(Type::exit, 1, payload_of(exit) + "sync (pid 7)");
    ASSERT_EQ(held_.size(), 1u);
    EXPECT_EQ(held_[0].holders, "sync (pid 7)");
    EXPECT_EQ(held_[0].state, HeldOutput::State::not_ended);
    EXPECT_TRUE(next->done);
}

TEST_F(MultiplexerTest, PipeHoldersOfADroppedCallAreNotReported) {
    greet();
    start().reset();
    agent_sends(Type::held, 1, "sleep (pid 7)");
    agent_sends(Type::exit, 1, payload_of(frames::Exit{.held = 1}) + "sleep (pid 7)");
    EXPECT_TRUE(held_.empty());
}

TEST_F(MultiplexerTest, ARejectedCommandReportsTheReasonToAllWaiters) {
    greet();
    auto call = start();
    auto started = begin(call->started());
    agent_sends(Type::refused, 1, "the command is too long");
    EXPECT_EQ(started->kind, "Refused");
    EXPECT_EQ(begin(call->next())->error, "the command is too long");
    EXPECT_EQ(begin(call->write("x"))->kind, "Refused");
    EXPECT_TRUE(multiplexer_->usable());
}

TEST_F(MultiplexerTest, StartedNeedNotBeWaitedForAfterTheEnd) {
    greet();
    auto call = start();
    auto started = begin(call->started());
    agent_sends_exit(1);
    EXPECT_TRUE(started->done);
}

TEST_F(MultiplexerTest, LateErrorsAreReportedInLines) {
    greet();
    auto call = start();
    agent_sends_exit(1);
    agent_sends(Type::errors, 1, "one\ntw");
    agent_sends(Type::errors, 1, "o\nthree");
    EXPECT_THAT(late_, ElementsAre("one", "two"));
    agent_sends(Type::closed, 1);
    EXPECT_THAT(late_, ElementsAre("one", "two", "three"));
    agent_sends(Type::errors, 1, "after the end");
    EXPECT_TRUE(multiplexer_->usable());
    EXPECT_EQ(late_.size(), 3u);
}

TEST_F(MultiplexerTest, LateErrorsWithoutALineEndDoNotFillMemory) {
    greet();
    auto call = start();
    agent_sends_exit(1);
    for (int i = 0; i < 64; ++i) agent_sends(Type::errors, 1, std::string(16 * 1024, 'x'));
    EXPECT_GE(late_.size(), 15u);
}

TEST_F(MultiplexerTest, LateErrorsAreReportedUpToABound) {
    greet();
    auto call = start("yes >&2 &");
    agent_sends_exit(1);
    auto line = std::string(255, 'y') + "\n";
    std::string lines;
    for (int i = 0; i < 64; ++i) lines += line;
    std::size_t reported = 0;
    std::string last;
    for (int i = 0; i < 2000; ++i) {
        agent_sends(Type::errors, 1, lines);
        reported += line.size() * late_.size();
        if (!late_.empty()) last = late_.back();
        late_.clear();
        ASSERT_TRUE(multiplexer_->usable());
        sent_.clear();
    }
    EXPECT_LT(reported, 17u << 20);
    EXPECT_THAT(last, HasSubstr("16 MiB"));
}

TEST_F(MultiplexerTest, CommandsAreNumberedFromTheFirstStream) {
    Settings settings{.late_errors = [](const std::string&) {}};
    settings.first_stream = frames::orphan - 1;
    multiplexer_ = Multiplexer::make(context_.get_executor(),
                                     {.send = [this](std::string_view bytes) { sent_ += bytes; }},
                                     settings, time_);
    greet();
    auto last = start();
    auto first = start();
    auto sent = of(Type::exec, sent_frames());
    ASSERT_EQ(sent.size(), 2U);
    EXPECT_EQ(sent[0].header.stream, frames::orphan - 1);
    EXPECT_EQ(sent[1].header.stream, 1U);
}

TEST_F(MultiplexerTest, ACallWithoutAReferenceIsEnded) {
    greet();
    start();
    auto sent = of(Type::signal, sent_frames());
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(decoded<frames::Signal>(sent[0]).number, 0u);
    start()->detach();
    auto ended = start();
    agent_sends_exit(3);
    ended.reset();
    EXPECT_THAT(of(Type::signal, sent_frames()), IsEmpty());
}

TEST_F(MultiplexerTest, ACancelledCallIsEndedOnce) {
    greet();
    auto call = start();
    auto waiting = begin(call->next());
    sent_frames();
    call->cancel();
    call->cancel();
    call->signal(15);
    turn();
    EXPECT_EQ(waiting->error, "the command was cancelled");
    call.reset();
    EXPECT_EQ(of(Type::signal, sent_frames()).size(), 1u);
}

TEST_F(MultiplexerTest, CallsAndTheMultiplexerMayBeDestroyedInAnyOrder) {
    greet();
    auto call = start();
    auto waiting = begin(call->next());
    multiplexer_.reset();
    turn();
    EXPECT_EQ(waiting->kind, "ConnectionLost");
    EXPECT_EQ(begin(call->write("x"))->kind, "ConnectionLost");
    call->signal(9);
    call->end_input();
    call->cancel();
}

TEST_F(MultiplexerTest, LongTextsAreSentInPieces) {
    greet();
    std::string text(100'000, 'x');
    auto call = start(text);
    std::string joined;
    auto sent = sent_frames();
    ASSERT_EQ(sent.size(), 3u);
    for (const auto& each : sent)
        joined += each.header.type == Type::exec ? each.payload.substr(24) : each.payload;
    EXPECT_EQ(joined, text);
    EXPECT_EQ(sent[2].header.type, Type::exec);
}

TEST_F(MultiplexerTest, LimitsAreRoundedUpAndCut) {
    greet();
    auto limit_of = [&](io::Duration limit) {
        auto call = multiplexer_->start({.limit = command::Limit{limit, ""}});
        return decoded<frames::Exec>(of(Type::exec, sent_frames()).at(0)).limit;
    };
    EXPECT_EQ(limit_of(1ns), 1u);
    EXPECT_EQ(limit_of(1001us), 2u);
    EXPECT_EQ(limit_of(0s), 0u);
    EXPECT_EQ(limit_of(-1s), 0u);
    EXPECT_EQ(limit_of(24h * 1000), UINT32_MAX);
    EXPECT_EQ(limit_of(io::Duration::max()), UINT32_MAX);
}

TEST_F(MultiplexerTest, OnlyAPongWithTheRightNumberIsAccepted) {
    greet();
    auto pong = [&](std::uint64_t number) {
        agent_sends(Type::pong, 0, {reinterpret_cast<const char*>(&number), sizeof number});
    };
    auto first = begin(multiplexer_->pong_received(multiplexer_->send_ping()));
    pong(UINT64_MAX);
    pong(0);
    agent_sends(Type::pong, 0, "?");
    EXPECT_FALSE(first->done);
    pong(1);
    EXPECT_TRUE(first->done);
}

TEST_F(MultiplexerTest, AnAgentThatViolatesTheProtocolIsLost) {
    auto check = [&](Type type, std::string_view payload) {
        greet();
        auto call = start();
        auto stream = of(Type::exec, sent_frames()).at(0).header.stream;
        auto waiting = begin(call->next());
        agent_sends(type, stream, payload);
        EXPECT_THAT(waiting->error, HasSubstr("the agent is broken")) << static_cast<int>(type);
    };
    check(Type::exit, "short");
    check(Type::started, "");
    check(Type::started, payload_of(frames::Started{0}));
    check(Type::credit, "x");
    check(Type::closed, "");  // before its exit
    check(Type::exec, "");
}

TEST_F(MultiplexerTest, FramesOfUnknownStreamsAreSkipped) {
    greet();
    for (auto type : {Type::exit, Type::output, Type::closed, Type::started, Type::credit})
        agent_sends(type, 77, "x");
    EXPECT_TRUE(multiplexer_->usable());
}

TEST_F(MultiplexerTest, AConnectionWithOnlyNoiseLosesTheAgent) {
    greet();
    multiplexer_->receive_bytes(std::string(200 * 1024, 'x'));
    EXPECT_TRUE(multiplexer_->usable());
    multiplexer_->receive_bytes(std::string(100 * 1024, 'x'));
    EXPECT_THAT(why_lost(), HasSubstr("more noise than frames"));
}

TEST_F(MultiplexerTest, AnOversizedLengthIsNoise) {
    greet();
    auto bytes = frame(Type::output, 1, std::string(frames::max_payload + 1, 'x'));
    multiplexer_->receive_bytes(bytes);
    EXPECT_TRUE(multiplexer_->usable());
    // The sequence number of the next frame shows the loss.
    agent_sends(Type::output, 1, "x");
    EXPECT_FALSE(multiplexer_->synchronised());
}

TEST_F(MultiplexerTest, ClosingIsFinal) {
    greet();
    auto call = start();
    auto waiting = begin(call->next());
    multiplexer_->close("QEMU was killed");
    multiplexer_->close("again");
    multiplexer_->fail("again");
    multiplexer_->expect(nonce);
    turn();
    EXPECT_EQ(waiting->error, "QEMU was killed");
    EXPECT_EQ(why_lost(), "QEMU was killed");
    EXPECT_EQ(begin(multiplexer_->greeted())->error, "QEMU was killed");
}

}  // namespace
}  // namespace charioteer::channel
