// SPDX-License-Identifier: Apache-2.0
// `result` and `wait ID…`: until jobs have ended.
#include <map>

#include "ctl/commands.h"
#include "ctl/job_access.h"

namespace pinion::ctl {

namespace {

Timeout timeout_of(const std::optional<Duration>& timeout) { return timeout ? Timeout(*timeout) : Timeout::forever; }

bool is_raw(JobClient& client, std::uint64_t job) {
    const auto known = wire::Json::parse(client.ask(job));
    const wire::Json* pool = known ? known->find("pool") : nullptr;
    if (pool == nullptr || pool->as_string() == nullptr) return false;
    try {
        return client.pool(*pool->as_string()).raw;
    } catch (const JobFailure&) {
        return true;  // its pool has left: the result is printed as it is
    }
}

// Results in the order of the command line, each as soon as those before it are there.
class InOrder {
public:
    InOrder(const std::vector<std::uint64_t>& jobs, std::function<void(const JobResult&)> print)
        : jobs_(jobs), print_(std::move(print)) {}
    void take(JobResult result) {
        const auto id = result.id;
        here_.insert_or_assign(id, std::move(result));
        for (; next_ < jobs_.size() && here_.contains(jobs_[next_]); ++next_) print_(here_.at(jobs_[next_]));
    }

private:
    const std::vector<std::uint64_t>& jobs_;
    std::function<void(const JobResult&)> print_;
    std::map<std::uint64_t, JobResult> here_;
    std::size_t next_ = 0;
};

}  // namespace

Exit run(const ResultOptions& options, Context& context) {
    return with_jobs(
        context,
        [&](JobClient& client) {
            bool all_ok = true;
            InOrder results(options.jobs, [&](const JobResult& result) {
                all_ok = all_ok && result.ok();
                if (context.wants_json())
                    print(context, result_json(result, false, is_raw(client, result.id)));
                else if (result.ok())
                    print(context, to_line(result.result, options.raw));
                else
                    complain(context, failure_text(result));
            });
            std::vector<JobResult> came;
            const bool ended = client.wait(
                options.jobs, [&](JobResult result) { came.push_back(std::move(result)); },
                timeout_of(options.timeout));
            for (JobResult& result : came) results.take(std::move(result));
            if (!ended) complain(context, "not all jobs have ended in time");
            return all_ok && ended ? Exit::done : Exit::failed;
        },
        options.timeout);
}

Exit run(const WaitJobsOptions& options, Context& context) {
    return with_jobs(
        context,
        [&](JobClient& client) {
            bool all_ok = true;
            const auto note = [&](const JobResult& result) {
                if (!result.ok()) complain(context, failure_text(result));
                all_ok = all_ok && result.ok();
            };
            const bool ended = client.wait(options.jobs, note, timeout_of(options.timeout));
            if (!ended) complain(context, "not all jobs have ended in time");
            if (context.wants_json())
                print_document(context, wire::Json::object().set("version", 1).set("ok", ended && all_ok));
            if (!ended) return Exit::unhealthy;
            return all_ok ? Exit::done : Exit::failed;
        },
        options.timeout);
}

}  // namespace pinion::ctl
