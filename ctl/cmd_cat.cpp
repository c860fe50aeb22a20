// SPDX-License-Identifier: Apache-2.0
// `cat`: the effective configuration: what was merged, with the file and line of each value.
#include "config/schema.h"
#include "ctl/commands.h"
#include "ctl/configuration.h"

namespace pinion::ctl {

Exit run(const CatOptions&, Context& context) {
    auto loaded = config::load(load_options(configuration_path(context), context.global.config.empty()));
    if (!loaded) {
        const std::string text = diagnostics_text(loaded.error(), context.err_traits);
        std::fwrite(text.data(), 1, text.size(), context.err);
        return Exit::failed;
    }
    const std::string yaml = config::to_yaml(*loaded);
    if (context.wants_json())
        print_document(context, wire::Json::object().set("version", 1).set("yaml", yaml));
    else
        print(context, yaml);
    return Exit::done;
}

}  // namespace pinion::ctl
