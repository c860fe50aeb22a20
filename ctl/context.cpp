// SPDX-License-Identifier: Apache-2.0
#include "ctl/context.h"

namespace pinion::ctl {

void print(const Context& context, std::string_view text) { std::fwrite(text.data(), 1, text.size(), context.out); }

void print_document(const Context& context, const wire::Json& document) {
    const bool person = context.out_traits.tty && context.global.format != Format::jsonl;
    print(context, document.dump(person ? 2 : -1) + "\n");
}

void print_json_line(const Context& context, const wire::Json& document) {
    print(context, document.dump() + "\n");
    std::fflush(context.out);
}

void complain(const Context& context, std::string_view message) {
    std::fflush(context.out);
    const std::string text = paragraph("pinionctl: " + std::string(message), 4, context.err_traits);
    std::fwrite(text.data(), 1, text.size(), context.err);
}

Exit report(const Context& context, const Failure& failure) {
    if (!failure.message.empty()) complain(context, failure.message);
    return failure.exit;
}

}  // namespace pinion::ctl
