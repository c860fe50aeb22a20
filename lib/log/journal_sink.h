// SPDX-License-Identifier: Apache-2.0
// The pure half of the journal sink: which fields a record becomes.
#pragma once

#include <string>
#include <vector>

#include "log/record.h"

namespace pinion::log {

// "NAME=value" each, as sd_journal_sendv takes them: PRIORITY, MESSAGE, SYSLOG_IDENTIFIER, of a lifecycle record also
// MESSAGE_ID and PINION_EVENT, then the record's own fields. Values may hold any byte.
[[nodiscard]] std::vector<std::string> journal_fields(const Record& record);

}  // namespace pinion::log
