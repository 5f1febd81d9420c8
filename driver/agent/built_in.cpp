#include "agent/built_in.hpp"

#include "agent/receive.hpp"
#include "agent/send.hpp"
#include "agent/system.hpp"
#include "agent/text.hpp"

namespace charioteer::agent {

namespace {

constexpr int bad_words = 2;

/// A program takes the words after its name.
struct Program {
    const char* name;
    int words;  ///< that it takes
    int (*run)(const char* const* words);
};

constexpr Program programs[] = {
    {"nothing", 0, [](const char* const*) { return 0; }},
    {"receive", 1, [](const char* const* words) { return receive(words[0]); }},
    {"send", 1, [](const char* const* words) { return send(words[0]); }},
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

int run_built_in(const Words& words) {
    for (const auto& program : programs)
        if (words.count == program.words + 1 && same(words.word[0], program.name))
            return program.run(words.word + 1);
    Text<128> message;
    message << "charioteer-agent: no built-in program "
            << (words.count > 0 ? words.word[0] : "without a name") << " with that many words\n";
    sys::write(2, message.c_str(), message.size());
    return bad_words;
}

}  // namespace charioteer::agent
