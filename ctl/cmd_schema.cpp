// SPDX-License-Identifier: Apache-2.0
// `schema`: what the reader's own table of keys makes for editors and for the manual.
#include "config/schema.h"
#include "ctl/commands.h"

namespace pinion::ctl {

Exit run(const SchemaOptions& options, Context& context) {
    print(context, options.reference ? config::key_reference() : config::json_schema());
    return Exit::done;
}

}  // namespace pinion::ctl
