#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "command/runner.hpp"

namespace charioteer::machine {

inline command::Outcome outcome(int status, std::string output = "") {
    command::Outcome outcome;
    outcome.status = status;
    outcome.output = std::move(output);
    return outcome;
}

/// Answers commands at once, with the outcomes that the test sets.
class FakeRunner : public command::Runner {
public:
    using Answer = std::function<command::Outcome(const std::string& text)>;

    asio::awaitable<command::Outcome> run(command::Command command) override {
        commands_.push_back(command);
        co_return answer_(command.text);
    }
    /// Each command gets the next of the outcomes; commands after the last one get that one.
    void answer(std::vector<command::Outcome> outcomes) {
        answer_ = [rest = std::deque(outcomes.begin(), outcomes.end())](auto&) mutable {
            auto next = rest.front();
            if (rest.size() > 1) rest.pop_front();
            return next;
        };
    }
    void answer(Answer answer) { answer_ = std::move(answer); }

    const std::vector<command::Command>& commands() const { return commands_; }
    std::vector<std::string> limits() const {
        std::vector<std::string> limits;
        for (const auto& command : commands_) limits.push_back(command.limit->text);
        return limits;
    }

private:
    Answer answer_;
    std::vector<command::Command> commands_;
};

}  // namespace charioteer::machine
