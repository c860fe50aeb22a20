// SPDX-License-Identifier: Apache-2.0
// Inputs of jobs on the command line come as they were written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ctl/options.h"

namespace pinion::ctl {
namespace {

using testing::ElementsAre;

template <class Options>
std::vector<std::string> inputs_of(std::vector<std::string> arguments) {
    auto line = parse_command_line(std::move(arguments));
    if (!line) return {line.error().text};
    return std::get<Options>(line->command).inputs;
}

TEST(JobInputs, AListIsOneInput) {
    EXPECT_THAT(inputs_of<MapJobsOptions>({"map", "p", "[1, 2]", "[[3],4]", "[]", "x[1,2]", "{\"a\":[5,6]}"}),
                ElementsAre("[1, 2]", "[[3],4]", "[]", "x[1,2]", "{\"a\":[5,6]}"));
    EXPECT_THAT(inputs_of<SubmitJobsOptions>({"--json", "submit", "p", "[\"a\",\"b\"]", "--key", "k"}),
                ElementsAre("[\"a\",\"b\"]"));
}

}  // namespace
}  // namespace pinion::ctl
