// SPDX-License-Identifier: Apache-2.0
// `submit`: inputs into a queue, ids out, one a line, when they are as durable as the pool says.
#include <unistd.h>

#include "ctl/commands.h"
#include "ctl/job_access.h"

namespace pinion::ctl {

namespace {

constexpr std::size_t batch_jobs = 4096;
constexpr std::size_t batch_bytes = 4 << 20;

class Submission {
public:
    Submission(JobClient& client, const SubmitJobsOptions& options, const Context& context)
        : client_(client), options_(options), context_(context), raw_(client.pool(options.pool).raw) {}

    void add(std::string_view text) {
        batch_.push_back(to_input(text, raw_));
        bytes_ += batch_.back().size();
        if (batch_.size() >= batch_jobs || bytes_ >= batch_bytes) flush();
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
    bool raw_;
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
