// SPDX-License-Identifier: Apache-2.0
#include "model/substitution.h"

#include <gtest/gtest.h>

#include <random>

#include "model/limits.h"

namespace pinion {
namespace {

const SubstitutionValues values{.pool = "web", .slot = 3, .cpus = "0,4", .numa = "1"};

std::string expand(std::string_view text) {
    const auto result = substitute(text, values);
    return result ? *result : "error: " + result.error().message;
}

std::string check(std::string_view text) {
    const auto result = check_substitutions(text);
    return result ? "well" : result.error().message;
}

TEST(Substitution, ReplacesNames) {
    EXPECT_EQ(expand("${pool}-${slot} on ${cpus}, node ${numa}"), "web-3 on 0,4, node 1");
    EXPECT_EQ(expand("${ slot }${\tpool }"), "3web");
    EXPECT_EQ(expand("nothing here"), "nothing here");
    EXPECT_EQ(expand(""), "");
    EXPECT_EQ(substitute("[${cpus}]", SubstitutionValues{.pool = "web"}), "[]");
}

TEST(Substitution, WritesADollarForTwo) {
    EXPECT_EQ(expand("$$"), "$");
    EXPECT_EQ(expand("$${slot}$$$$${slot}"), "${slot}$$3");
}

TEST(Substitution, DoesNotReplaceWhatItHasInserted) {
    EXPECT_EQ(substitute("${pool}", SubstitutionValues{.pool = "${slot}"}), "${slot}");
}

TEST(Substitution, LeavesTheInputOfAJobToTheRunOfEachJob) {
    const auto command = substitute_all_but_input("$${input} ${pool}/${slot}: ${ input } $$${input}", values);
    ASSERT_TRUE(command);
    EXPECT_EQ(*command, "$${input} web/3: ${input} $$${input}");
    EXPECT_EQ(substitute_input(*command, "$x ${slot} $$"), "${input} web/3: $x ${slot} $$ $$x ${slot} $$");
    EXPECT_EQ(substitute_input(*command, ""), "${input} web/3:  $");
    EXPECT_EQ(substitute_all_but_input("${pool}", {.pool = "a$b"}), "a$$b");
    EXPECT_TRUE(takes_input(*command));
    EXPECT_TRUE(takes_input("${cpus}${input}"));
    EXPECT_FALSE(takes_input("$${input} ${pool}"));
    EXPECT_TRUE(depends_on_seat("${input}${cpus}"));
}

TEST(Substitution, RefusesTheInputWhereThereIsNone) {
    EXPECT_EQ(check("${input}"), "column 3: 'input' stands only in the command of a pool with 'protocol: exec'");
    EXPECT_EQ(expand("${input}"), "error: " + check("${input}"));
    EXPECT_TRUE(check_substitutions("${input}", InputName::allowed));
    EXPECT_FALSE(check_substitutions("${input+1}", InputName::allowed));
}

TEST(Substitution, Calculates) {
    EXPECT_EQ(expand("--port=${8000+slot}"), "--port=8003");
    EXPECT_EQ(expand("${2 + 3 * 4}"), "14");
    EXPECT_EQ(expand("${(2 + 3) * 4}"), "20");
    EXPECT_EQ(expand("${20 / 3 / 2}"), "3");
    EXPECT_EQ(expand("${10 - 3 - 2}"), "5");
    EXPECT_EQ(expand("${slot % 2}"), "1");
    EXPECT_EQ(expand("${slot - 5}"), "-2");
    EXPECT_EQ(expand("${((slot))}"), "3");
    EXPECT_EQ(expand("${42}"), "42");
}

TEST(Substitution, TellsWhereAnExpressionIsWrong) {
    EXPECT_EQ(check("x${8000+}"), "column 9: a number, 'slot' or '(' is expected");
    EXPECT_EQ(check("${+1}"), "column 3: a number, 'slot' or '(' is expected");
    EXPECT_EQ(check("${1 2}"), "column 5: an operator is expected before '2'");
    EXPECT_EQ(check("${(1}"), "column 5: ')' is missing");
    EXPECT_EQ(check("${1)}"), "column 4: an operator is expected before ')'");
    EXPECT_EQ(check("${pool+1}"), "column 3: 'pool' is a text: it can't be calculated with");
    EXPECT_EQ(check("${1+cpus}"), "column 5: 'cpus' is a text: it can't be calculated with");
    EXPECT_EQ(check("${8000:slot}"), "column 7: an operator is expected before ':slot'");
    EXPECT_EQ(check("${slots}"), "column 3: unknown name 'slots' (did you mean 'slot'?)");
    EXPECT_EQ(
        check("${HOME}"),
        "column 3: unknown name 'HOME': only pool, slot, cpus and numa are known; the environment is not substituted");
    EXPECT_EQ(check("a ${}"), "column 3: '${}' names nothing: use pool, slot, cpus or numa");
    EXPECT_EQ(check("a ${slot"), "column 3: '${' has no closing '}'");
}

TEST(Substitution, TellsAShellHabit) {
    EXPECT_EQ(check("echo $HOME"),
              "column 6: '$HOME' is not substituted, there is no shell here: write '$$HOME' for a dollar");
    EXPECT_EQ(check("$slot"), "column 1: '$slot' needs braces: write '${slot}', or '$$slot' for a dollar");
    EXPECT_EQ(check("$(date)"), "column 1: a single '$' stands for nothing: write '$$' for a dollar");
    EXPECT_EQ(check("100$"), "column 4: a single '$' stands for nothing: write '$$' for a dollar");
}

TEST(Substitution, FindsDivisionByZero) {
    EXPECT_EQ(check("${1/0}"), "column 4: division by zero");
    EXPECT_EQ(check("${slot%(2-2)}"), "column 7: division by zero");
    EXPECT_EQ(check("${12/(slot-3)}"), "well");
    EXPECT_EQ(expand("${12/(slot-3)}"), "error: column 5: division by zero");
}

TEST(Substitution, CountsToTheLargestNumberAndNotPastIt) {
    EXPECT_EQ(expand("${9223372036854775807}"), "9223372036854775807");
    EXPECT_EQ(check("${9223372036854775808}"), "column 3: the number is too large");
    EXPECT_EQ(check("${9223372036854775807+1}"), "column 22: the result is too large");
    EXPECT_EQ(check("${0-9223372036854775807-1}"), "well");
    EXPECT_EQ(check("${0-9223372036854775807-2}"), "column 24: the result is too large");
    EXPECT_EQ(check("${4611686018427387904*2}"), "column 22: the result is too large");
    EXPECT_EQ(check("${(0-9223372036854775807-1)/(0-1)}"), "column 28: the result is too large");
    EXPECT_EQ(check("${(0-9223372036854775807-1)%(0-1)}"), "column 28: the result is too large");
    EXPECT_EQ(check("${9223372036854775807+slot}"), "well");
    EXPECT_EQ(expand("${9223372036854775807+slot}"), "error: column 22: the result is too large");
}

TEST(Substitution, NestsToTheBoundAndNotPastIt) {
    const auto nested = [](std::size_t depth) {
        return "${" + std::string(depth, '(') + "1" + std::string(depth, ')') + "}";
    };
    EXPECT_EQ(expand(nested(limits::max_depth)), "1");
    EXPECT_EQ(check(nested(limits::max_depth + 1)), "column 19: parentheses are nested deeper than 16");
    EXPECT_EQ(check("${" + std::string(1'000'000, '(') + "}"), "column 19: parentheses are nested deeper than 16");
}

TEST(Substitution, KnowsWhatDependsOnTheSeat) {
    EXPECT_TRUE(depends_on_seat("a ${cpus}"));
    EXPECT_TRUE(depends_on_seat("${pool} ${ numa }"));
    EXPECT_FALSE(depends_on_seat("${slot} ${pool} $${cpus} cpus"));
    EXPECT_FALSE(depends_on_seat("$cpus ${cpus}"));  // refused before the seat is asked for
}

TEST(Substitution, WhatWasCheckedFailsOnlyByArithmetic) {
    constexpr std::string_view alphabet = "${}()+-*/% 019slotpcunma";
    std::mt19937 random(5);
    for (int i = 0; i < 50'000; ++i) {
        std::string text = i % 2 == 0 ? "${" : "";
        for (auto n = random() % 12; n > 0; --n) text += alphabet[random() % alphabet.size()];
        if (i % 2 == 0) text += "}";
        const auto checked = check_substitutions(text);
        const auto replaced = substitute(text, values);
        if (!checked) {
            EXPECT_FALSE(replaced) << text;
        } else if (!replaced) {
            EXPECT_TRUE(replaced.error().message.ends_with("division by zero") ||
                        replaced.error().message.ends_with("the result is too large"))
                << text;
        }
    }
}

}  // namespace
}  // namespace pinion
