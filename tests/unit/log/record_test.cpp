// SPDX-License-Identifier: Apache-2.0
#include "log/record.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "log/messages.h"

namespace pinion::log {
namespace {

// An id or a name that stands twice would be two kinds of record that a query can't tell apart.
consteval bool all_differ() {
    for (std::size_t i = 0; i < messages::all.size(); ++i)
        for (std::size_t j = i + 1; j < messages::all.size(); ++j)
            if (messages::all[i]->event == messages::all[j]->event ||
                messages::all[i]->message_id == messages::all[j]->message_id)
                return false;
    return true;
}
static_assert(all_differ());

TEST(Messages, HaveIdsOf32LowerCaseHexDigits) {
    for (const auto* kind : messages::all) {
        EXPECT_EQ(kind->message_id.size(), 32U) << kind->event;
        EXPECT_EQ(kind->message_id.find_first_not_of("0123456789abcdef"), std::string_view::npos) << kind->event;
    }
}

TEST(Messages, HaveNamesOfLowerCaseWords) {
    for (const auto* kind : messages::all) {
        EXPECT_FALSE(kind->event.empty());
        EXPECT_EQ(kind->event.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"), std::string_view::npos) << kind->event;
    }
}

TEST(Priority, HasANameOfItsOwnEach) {
    std::set<std::string> names;
    for (int i = 0; i < 8; ++i) names.insert(to_string(static_cast<Priority>(i)));
    EXPECT_EQ(names.size(), 8U);
    EXPECT_STREQ(to_string(Priority::emerg), "emerg");
    EXPECT_STREQ(to_string(Priority::err), "err");
    EXPECT_STREQ(to_string(Priority::debug), "debug");
}

TEST(Prefix, NamesThePriority) {
    for (int i = 0; i < 8; ++i) {
        const std::string line = "<" + std::to_string(i) + ">text";
        EXPECT_EQ(parse_prefix(line, Priority::info).priority, static_cast<Priority>(i));
        EXPECT_EQ(parse_prefix(line, Priority::info).text, "text");
    }
    EXPECT_EQ(parse_prefix("<3>", Priority::info).text, "");
    EXPECT_EQ(parse_prefix("<3> <4>x", Priority::info).text, " <4>x");
}

TEST(Prefix, OfAnotherFormIsText) {
    for (const std::string_view line : {"", "<", "<3", "<8>x", "<30>x", "<>x", " <3>x", "<a>x", "3>x", "text"}) {
        EXPECT_EQ(parse_prefix(line, Priority::warning).priority, Priority::warning) << line;
        EXPECT_EQ(parse_prefix(line, Priority::warning).text, line);
    }
}

}  // namespace
}  // namespace pinion::log
