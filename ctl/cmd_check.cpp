// SPDX-License-Identifier: Apache-2.0
// `check`: everything that is wrong with configuration files, at once; no daemon is asked.
#include <filesystem>

#include "ctl/commands.h"
#include "ctl/configuration.h"
#include "ctl/display.h"

namespace pinion::ctl {

namespace {

namespace fs = std::filesystem;

struct Findings {
    std::vector<config::Diagnostic> diagnostics;
    std::vector<std::string> files;
};

void check_one(Findings& findings, const config::LoadOptions& options) {
    auto loaded = config::load(options);
    const auto& found = loaded ? loaded->warnings() : loaded.error();
    findings.diagnostics.insert(findings.diagnostics.end(), found.begin(), found.end());
    const auto files = loaded ? loaded->files() : config::list_files(options.path);
    findings.files.insert(findings.files.end(), files.begin(), files.end());
}

// The folder whose part `path` is ("/etc/pinion" of "/etc/pinion/pools.d/web.yaml"), or the path itself.
std::string root_of(const fs::path& path) {
    const fs::path folder = path.parent_path();
    if (folder.filename() == "pools.d") return folder.parent_path().string();
    return path.filename() == "pinion.yaml" ? folder.string() : path.string();
}

// The one file stands in for another, with the rest of that one's folder.
void check_in_place(Findings& findings, const CheckOptions& options, const Context& context) {
    const std::string as = fs::absolute(options.as).lexically_normal().string();
    config::LoadOptions load = load_options(context.global.config.empty() ? root_of(as) : context.global.config, false);
    load.replaced = as;
    load.replacement = options.files.front();
    check_one(findings, load);
}

Findings check(const CheckOptions& options, const Context& context) {
    Findings findings;
    if (!options.as.empty()) {
        check_in_place(findings, options, context);
        return findings;
    }
    if (options.files.empty()) check_one(findings, load_options(configuration_path(context), true));
    for (const std::string& file : options.files) check_one(findings, load_options(file, false));
    return findings;
}

std::string summary(const Findings& findings) {
    std::size_t errors = 0;
    for (const config::Diagnostic& d : findings.diagnostics) errors += d.severity == config::Severity::error ? 1 : 0;
    const std::size_t warnings = findings.diagnostics.size() - errors;
    std::string text;
    if (findings.files.empty()) text = "no file was read";
    for (const std::string& file : findings.files) text += (text.empty() ? "read " : ", ") + file;
    const auto count = [](std::size_t n, const char* noun) {
        return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
    };
    if (errors + warnings == 0) return text + ": ok";
    return text + ": " + count(errors, "error") + ", " + count(warnings, "warning");
}

}  // namespace

Exit run(const CheckOptions& options, Context& context) {
    const Findings findings = check(options, context);
    const bool failed = config::has_errors(findings.diagnostics) || (options.strict && !findings.diagnostics.empty());
    if (context.wants_json()) {
        wire::Json files = wire::Json::array();
        for (const std::string& file : findings.files) files.push(file);
        print_document(context, wire::Json::object()
                                    .set("version", 1)
                                    .set("ok", !failed)
                                    .set("diagnostics", diagnostics_json(findings.diagnostics))
                                    .set("files", std::move(files)));
        return failed ? Exit::failed : Exit::done;
    }
    const std::string text = diagnostics_text(findings.diagnostics, context.err_traits);
    std::fwrite(text.data(), 1, text.size(), context.err);
    print(context, paragraph(harmless(summary(findings)), 4, context.out_traits));
    return failed ? Exit::failed : Exit::done;
}

}  // namespace pinion::ctl
