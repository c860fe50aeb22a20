// SPDX-License-Identifier: Apache-2.0
// `schema`: what the reader's own table of keys makes for editors and for the manual.
#include "config/schema.h"
#include "ctl/commands.h"

namespace pinion::ctl {

namespace {

std::string text_of(const SchemaOptions& options) {
    if (options.manual) return config::key_manual();
    return options.reference ? config::key_reference() : config::json_schema();
}

}  // namespace

Exit run(const SchemaOptions& options, Context& context) {
    print(context, text_of(options));
    return Exit::done;
}

}  // namespace pinion::ctl
