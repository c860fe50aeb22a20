// SPDX-License-Identifier: Apache-2.0
// `jobs list|show|log|cancel|retry`, `queue` and `why`.
#include <algorithm>

#include "base/text.h"
#include "ctl/commands.h"
#include "ctl/display.h"
#include "ctl/job_access.h"
#include "ctl/job_screen.h"

namespace pinion::ctl {

namespace {

using wire::Json;

Duration since_epoch() { return wall_now().time_since_epoch(); }

Json parsed(const std::string& text) {
    auto json = Json::parse(text);
    return json ? std::move(*json) : Json();
}

// The object with one member more, before the others.
Json with_front(const char* name, Json value, const Json& object) {
    Json all = Json::object().set(name, std::move(value));
    for (const auto& [other, of_object] : object.members()) all.set(other, of_object);
    return all;
}

std::uint64_t id_of(const std::string& word) { return static_cast<std::uint64_t>(parse_integer(word).value_or(0)); }
bool is_id(const std::string& word) { return parse_integer(word).has_value(); }

// A page of a pool's jobs, or of a map's where no pool has the name.
ListedJobs page_of(JobClient& client, const std::string& target, ListOptions& options) {
    if (target.empty() || !options.map.empty()) return client.list(options);
    options.pool = target;
    try {
        return client.list(options);
    } catch (const JobFailure& failure) {
        if (failure.code() != JobFailure::Code::not_found || !is_name(target)) throw;
        const JobFailure no_pool = failure;
        options.pool.clear();
        options.map = target;
        try {
            return client.list(options);
        } catch (const JobFailure& other) {
            if (other.code() != JobFailure::Code::not_found) throw;
            throw JobFailure(JobFailure::Code::not_found, std::string(no_pool.what()) + ", and no map of that name");
        }
    }
}

Exit list(JobClient& client, const JobsOptions& options, const Context& context) {
    ListOptions query{.pool = {}, .map = {}, .states = options.states, .after = options.after};
    const std::string target = options.targets.empty() ? std::string() : options.targets.front();
    std::vector<Json> jobs;
    bool more = true;
    while (more && jobs.size() < options.limit) {
        query.limit = static_cast<unsigned>(std::min<std::size_t>(1000, options.limit - jobs.size()));
        const ListedJobs page = page_of(client, target, query);
        for (const std::string& job : page.jobs) jobs.push_back(parsed(job));
        query.after = page.last;
        more = page.more;
    }
    if (context.wants_json()) {
        Json rows = Json::array();
        for (Json& job : jobs) rows.push(std::move(job));
        print_document(context, Json::object().set("version", 1).set("jobs", std::move(rows)).set("more", more));
        return Exit::done;
    }
    if (jobs.empty()) complain(context, options.states.empty() ? "there are no jobs yet" : "there are no such jobs");
    if (!jobs.empty()) print(context, jobs_screen(jobs, since_epoch(), context.out_traits));
    if (more)
        complain(context, "there are more, with greater ids: --after " + std::to_string(query.after) +
                              " goes on, --limit N shows as many");
    return Exit::done;
}

Exit show(JobClient& client, const JobsOptions& options, const Context& context) {
    for (const std::string& target : options.targets) {
        Json job = parsed(client.ask(id_of(target)));
        if (context.wants_json())
            print_document(context, Json::object().set("version", 1).set("job", std::move(job)));
        else
            print(context, job_story(job, since_epoch(), context.out_traits));
    }
    return Exit::done;
}

Exit show_log(JobClient& client, const JobsOptions& options, const Context& context) {
    for (const std::string& target : options.targets) {
        const Json log = parsed(client.log(id_of(target)));
        const Json* lines = log.find("lines");
        if (lines == nullptr) continue;
        if (context.wants_json())
            for (const Json& line : lines->items()) print_json_line(context, with_front("job", id_of(target), line));
        else
            print(context, job_log(lines->items(), context.out_traits));
    }
    return Exit::done;
}

Exit cancel(JobClient& client, const JobsOptions& options, const Context& context) {
    Exit exit = Exit::done;
    for (const std::string& target : options.targets) {
        const bool job = is_id(target);
        if (job ? client.cancel(id_of(target)) : client.cancel_map(target)) continue;
        complain(context, job ? "cancel job " + target + ": it had ended before"
                              : "cancel map '" + target + "': all of it had ended before");
        exit = Exit::failed;
    }
    if (context.wants_json()) print_document(context, Json::object().set("version", 1).set("ok", exit == Exit::done));
    return exit;
}

Exit retry(JobClient& client, const JobsOptions& options, const Context& context) {
    for (const std::string& target : options.targets) {
        const auto id = client.retry(id_of(target));
        if (context.wants_json())
            print_json_line(context, Json::object().set("id", id).set("retry_of", id_of(target)));
        else
            print(context, std::to_string(id) + "\n");
    }
    return Exit::done;
}

}  // namespace

Exit run(const JobsOptions& options, Context& context) {
    return with_jobs(context, [&](JobClient& client) {
        switch (options.verb) {
            case JobsOptions::Verb::list: return list(client, options, context);
            case JobsOptions::Verb::show: return show(client, options, context);
            case JobsOptions::Verb::log: return show_log(client, options, context);
            case JobsOptions::Verb::cancel: return cancel(client, options, context);
            case JobsOptions::Verb::retry: return retry(client, options, context);
        }
        return Exit::usage;
    });
}

Exit run(const QueueOptions& options, Context& context) {
    return with_jobs(context, [&](JobClient& client) {
        client.steer(options.pool, options.verb);
        if (context.wants_json()) print_document(context, Json::object().set("version", 1).set("ok", true));
        return Exit::done;
    });
}

Exit run(const WhyOptions& options, Context& context) {
    return with_jobs(context, [&](JobClient& client) {
        Json why = parsed(client.why(options.job));
        const Json* words = why.find("why");
        if (context.wants_json()) {
            print_document(context, with_front("version", 1, why));
        } else if (words != nullptr && words->as_string() != nullptr) {
            print(context, paragraph("job " + std::to_string(options.job) + ": " + harmless(*words->as_string()), 2,
                                     context.out_traits));
        }
        return Exit::done;
    });
}

}  // namespace pinion::ctl
