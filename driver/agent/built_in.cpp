#include "agent/built_in.hpp"

#include "agent/dial.hpp"
#include "agent/error_output.hpp"
#include "agent/poll_until.hpp"
#include "agent/receive.hpp"
#include "agent/reseed.hpp"
#include "agent/send.hpp"
#include "agent/text.hpp"
#include "agent/waits.hpp"

namespace charioteer::agent {

namespace {

using Strings = const char* const*;

struct Program {
    const char* name;
    int words;  ///< how many it takes after its name
    int (*run)(Strings words, Strings environment);
};

constexpr Program programs[] = {
    {"wait-port", 2, [](Strings words, Strings) { return wait_port(words); }},
    {"wait-unix", 2, [](Strings words, Strings) { return wait_unix(words); }},
    {"wait-file", 1,
     [](Strings words, Strings environment) { return wait_file(words[0], environment); }},
    {"dial", 1, [](Strings words, Strings) { return dial(words[0]); }},
    {"receive", 1, [](Strings words, Strings) { return receive(words[0]); }},
    {"reseed", 0, [](Strings, Strings) { return reseed(); }},
    {"send", 1, [](Strings words, Strings) { return send(words[0]); }},
};

}  // namespace

Words split_words(const char* text, size_t size) {
    Words words;
    size_t begin = 0;
    for (size_t at = 0; at < size && words.count < Words::most; ++at) {
        if (text[at] != '\0') continue;
        words.word[words.count++] = text + begin;
        begin = at + 1;
    }
    return words;
}

Words as_words(const char* const* given, int count) {
    Words words;
    for (; words.count < count && words.count < Words::most; ++words.count)
        words.word[words.count] = given[words.count];
    return words;
}

int run_built_in(const Words& words, Strings environment) {
    for (const auto& program : programs)
        if (words.count == program.words + 1 && same(words.word[0], program.name))
            return program.run(words.word + 1, environment);
    Text<128> message;
    message << "no built-in program " << (words.count > 0 ? words.word[0] : "without a name")
            << " takes that many arguments";
    report_error("charioteer-agent", message.c_str());
    return usage_error;
}

}  // namespace charioteer::agent
