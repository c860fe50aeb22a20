// SPDX-License-Identifier: Apache-2.0
// A topology as lines of text that people can read and compare, and back: so that a plan can be made where the machine
// is not.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cpu/topology.h"

namespace pinion::cpu {

// A domain a line, what is inside it indented by one more space: "package numa l3 nodes:0". A core ends with its CPUs
// in logical order, a plus before each that is a thread of its own: "core nodes:0 +0 +8". The kinds are not in it.
[[nodiscard]] std::vector<std::string> domain_lines(const Domain& root);

// The domain that `lines` describe, equal to the one that they were made of. Fails, naming the line, where they are
// not such lines.
[[nodiscard]] Result<Domain> domain_from_lines(const std::vector<std::string>& lines);

}  // namespace pinion::cpu
