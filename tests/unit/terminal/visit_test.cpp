#include "terminal/visit.hpp"

#include <gmock/gmock.h>

#include "fake_guest.hpp"

namespace charioteer::terminal {

namespace {

using namespace std::string_literals;
using frames::Type;
using testing::Pair;

const std::string sighup("\1\0\0\0", 4);

class VisitTest : public testing::Test {
protected:
    /// A visitor that has come in.
    Visitor come() {
        auto [stream, peer] = fakes::connected_pair(runtime_.executor());
        auto visit = std::make_shared<Visit>(std::move(stream), guest_.begin(), runtime_.time());
        visits_.push_back(runtime_.start(Visit::run(std::move(visit))));
        return Visitor(std::move(peer));
    }
    /// One that has its shell.
    Visitor settle() {
        auto visitor = come();
        visitor.open();
        EXPECT_EQ(visitor.read().type, MessageType::started);
        return visitor;
    }
    void expect_end_of_visit() { fakes::result_of(visits_.back()); }

    io::Runtime runtime_;
    FakeGuest guest_{runtime_};
    std::vector<io::Pending<void>> visits_;
};

TEST_F(VisitTest, WhatTheShellSaysReachesTheVisitorAndThenHowItEnded) {
    auto visitor = settle();
    guest_.says(1, "\x1b[31m# ");
    auto message = visitor.read();
    EXPECT_EQ(message.type, MessageType::output);
    EXPECT_EQ(message.payload, "\x1b[31m# ");
    guest_.ends(1, 3);
    EXPECT_THAT(visitor.read_ending(), Pair(3, ""));
    EXPECT_TRUE(visitor.peer().sees_the_end());
    expect_end_of_visit();
}

TEST_F(VisitTest, TheShellIsALoginOnATerminalOfTheVisitorsSize) {
    auto visitor = settle();
    auto request = guest_.request(1);
    ASSERT_TRUE(request.terminal);
    EXPECT_EQ(request.terminal->rows, 24);
    EXPECT_EQ(request.terminal->columns, 80);
    EXPECT_THAT(request.text, testing::HasSubstr("TERM=xterm "));
}

TEST_F(VisitTest, WhatIsTypedAndNewSizesReachTheShell) {
    auto visitor = settle();
    visitor.send(MessageType::input, "\x03");
    EXPECT_EQ(guest_.next(1, Type::input), "\x03");
    visitor.send(MessageType::resize, "\x32\0\x84\0"s);
    EXPECT_EQ(guest_.next(1, Type::resize), "\x32\0\x84\0"s);
}

TEST_F(VisitTest, AShellWithoutATerminalHasAnEndOfItsInputAndErrorsOfTheirOwn) {
    auto visitor = come();
    visitor.send(MessageType::open, "\0\0\0\0"s);
    EXPECT_EQ(visitor.read().type, MessageType::started);
    visitor.send(MessageType::input_end, "");
    EXPECT_EQ(guest_.next(1, Type::input_end), "");
    guest_.with_shell(1, [](auto& call) { call.take_piece(channel::Source::errors, "no"); });
    EXPECT_EQ(visitor.read().type, MessageType::errors);
}

TEST_F(VisitTest, AVisitorThatGoesHangsItsShellUp) {
    auto visitor = settle();
    visitor.peer().close();
    EXPECT_EQ(guest_.next(1, Type::signal), sighup);
    guest_.until_dropped(1);
    expect_end_of_visit();
}

TEST_F(VisitTest, AVisitorThatGoesIsNoticedWhileTheGuestTakesNoInput) {
    auto visitor = settle();
    // More than the guest has room for, and than what is read ahead.
    visitor.send(MessageType::input, std::string(60'000, 'x'));
    for (int count = 0; count < 4; ++count)
        visitor.send(MessageType::input, std::string(30'000, 'x'));
    visitor.peer().close();
    guest_.until_dropped(1);
}

TEST_F(VisitTest, ASlowVisitorHoldsTheShellUp) {
    auto visitor = settle();
    const std::size_t much = 4 << 20;
    guest_.says(1, std::string(much, 'a'));
    guest_.next(1, Type::credit);
    guest_.says(1, std::string(much, 'b'));
    visitor.send(MessageType::resize, "\x32\0\x84\0"s);
    guest_.next(1, Type::resize);
    EXPECT_EQ(guest_.so_far(1, Type::credit), "");
    EXPECT_EQ(visitor.read().payload.size(), much);
    EXPECT_EQ(visitor.read().payload.size(), much);
    guest_.next(1, Type::credit);
}

TEST_F(VisitTest, AVisitorIsToldWhyThereIsNoShell) {
    guest_.refuse("web: there is no agent: the guest has no bash");
    auto visitor = come();
    visitor.open();
    EXPECT_THAT(visitor.read_ending(), Pair(1, "web: there is no agent: the guest has no bash"));
}

TEST_F(VisitTest, AVisitorIsToldThatTheGuestIsGone) {
    auto visitor = settle();
    guest_.says(1, "last words");
    guest_.with_shell(1, [](auto& call) { call.fail("QEMU was killed by signal 9"); });
    EXPECT_EQ(visitor.read().payload, "last words");
    EXPECT_THAT(visitor.read_ending(), Pair(1, "QEMU was killed by signal 9"));
}

TEST_F(VisitTest, AVisitorThatSpeaksInTonguesIsSentAway) {
    auto visitor = settle();
    visitor.peer().send("GET / HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(visitor.peer().sees_the_end());
    EXPECT_EQ(guest_.next(1, Type::signal), sighup);
    expect_end_of_visit();
}

TEST_F(VisitTest, AVisitorThatDoesNotOpenAShellIsToldSo) {
    auto visitor = come();
    visitor.send(MessageType::input, "ls\n");
    EXPECT_THAT(visitor.read_ending(), Pair(1, "a visitor's first message opens a shell"));
}

}  // namespace

}  // namespace charioteer::terminal
