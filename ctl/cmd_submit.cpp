// SPDX-License-Identifier: Apache-2.0
// `submit`: inputs into a queue, ids out, one a line, when they are as durable as the pool says.
#include <unistd.h>

#include <algorithm>

#include "ctl/commands.h"
#include "ctl/job_access.h"

namespace pinion::ctl {

namespace {

constexpr std::size_t batch_jobs = 4096;
constexpr std::size_t batch_bytes = 4 << 20;

std::size_t capacity_of(const JobPoolInfo& pool) {
    const auto told = wire::Json::parse(pool.json);
    const wire::Json* capacity = told ? told->find("capacity") : nullptr;
    return capacity == nullptr ? batch_jobs : std::max<std::size_t>(capacity->as_uint().value_or(batch_jobs), 1);
}

class Submission {
public:
    Submission(JobClient& client, const SubmitJobsOptions& options, const Context& context)
        : client_(client), options_(options), context_(context) {
        const JobPoolInfo pool = client.pool(options.pool);
        raw_ = pool.raw;
        // More at once than the queue can hold would be refused, however long it waited.
        if (options.wait) most_ = std::min(most_, capacity_of(pool));
    }

    void add(std::string_view text) {
        batch_.push_back(to_input(text, raw_));
        bytes_ += batch_.back().size();
        if (batch_.size() >= most_ || bytes_ >= batch_bytes) flush();
    }
    void flush() {
        if (batch_.empty()) return;
        JobOptions order{.priority = options_.priority, .wait = options_.wait};
        order.delay = std::chrono::ceil<std::chrono::milliseconds>(options_.delay);
        if (!options_.key.empty()) order.keys = {options_.key};
        const SubmittedJobs jobs = client_.submit(options_.pool, batch_, order);
        for (const auto id : jobs.ids) {
            if (context_.wants_json())
                print(context_, wire::Json::object().set("id", id).set("durability", jobs.durability).dump() + "\n");
            else
                print(context_, std::to_string(id) + "\n");
        }
        std::fflush(context_.out);
        batch_.clear();
        bytes_ = 0;
    }

private:
    JobClient& client_;
    const SubmitJobsOptions& options_;
    const Context& context_;
    bool raw_ = false;
    std::size_t most_ = batch_jobs;
    std::vector<std::string> batch_;
    std::size_t bytes_ = 0;
};

}  // namespace

Exit run(const SubmitJobsOptions& options, Context& context) {
    return with_jobs(context, [&](JobClient& client) {
        Submission submission(client, options, context);
        for (const std::string& input : options.inputs) submission.add(input);
        InputLines lines(STDIN_FILENO);
        while (options.inputs.empty() && !lines.ended()) {
            while (!lines.empty()) submission.add(lines.take());
            // What came together goes together; nothing waits for a line that may be long in coming.
            submission.flush();
            if (lines.ended()) break;
            if (auto read = lines.read_some(); !read) return report(context, read.error());
        }
        submission.flush();
        return Exit::done;
    });
}

}  // namespace pinion::ctl
