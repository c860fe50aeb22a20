// SPDX-License-Identifier: Apache-2.0
// The keys of job pools: what they become, what is refused, and what a change of them means.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "config/change.h"
#include "config/keys.h"
#include "config/schema.h"
#include "model/job_limits.h"
#include "scratch.h"

namespace pinion::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* semaphores = "semaphores: {gpu: 2, db: 8}\n";

Loaded load_jobs(const std::string& keys) {
    return load_text(semaphores + std::string("pools:\n  p: {kind: jobs, command: [/bin/x], ") + keys + "}\n");
}
JobPoolSpec jobs_of(const std::string& keys) {
    const auto loaded = load_jobs(keys);
    EXPECT_TRUE(loaded) << diagnostics_of(loaded);
    if (!loaded || !loaded->pools().at("p")->jobs) return {};
    EXPECT_THAT(diagnostics_of(loaded), "");
    return *loaded->pools().at("p")->jobs;
}
std::string told(const std::string& keys) { return diagnostics_of(load_jobs(keys)); }

TEST(JobPools, HaveTheDefaultsOfTheSpecification) {
    JobPoolSpec expected = jobs_of("workers: 1");
    expected.allow = {};
    EXPECT_EQ(expected, JobPoolSpec{});
    EXPECT_FALSE(pool_of("").jobs);
    EXPECT_EQ(pool_of("").kind, PoolKind::service);
}

TEST(JobPools, ReadEveryKey) {
    const JobPoolSpec jobs = jobs_of(
        "protocol: frames, payload: raw, prefetch: 64, concurrency: 1024,"
        "queue: {durability: memory, capacity: 5, retention: 1h},"
        "job: {timeout: 60s, attempts: 1000, delay: 2s, max_delay: 1h, factor: 3, jitter: 5%,"
        "      retry_on: {timeout: true, crash: false}},"
        "recycle: {jobs: 1000, memory: 512MiB, age: 1h}, inputs: [a, 2], allow: {users: [0], groups: [54321, 0, 0]}");
    JobPoolSpec expected{.protocol = JobProtocol::frames, .payload = PayloadKind::raw};
    expected.prefetch = 64;
    expected.concurrency = 1024;
    expected.queue = {.durability = Durability::memory, .capacity = 5, .retention = 1h};
    expected.job = {.timeout = 60s, .attempts = 1000, .delay = 2s, .max_delay = 1h, .factor = 3, .jitter = 0.05};
    expected.job.retry_on = {.error = true, .crash = false, .timeout = true, .oom = true};
    expected.recycle = {.jobs = 1000, .memory = 512 << 20, .age = 1h};
    expected.inputs = {"a", "2"};
    expected.allow = {.uids = {0}, .gids = {0, 54321}};
    EXPECT_EQ(jobs, expected);
    EXPECT_EQ(jobs_of("job: {semaphores: {gpu: 1, db: 8}}").job.semaphores, (Semaphores{{"db", 8}, {"gpu", 1}}));
    EXPECT_EQ(jobs_of("protocol: exec").protocol, JobProtocol::exec);
    EXPECT_EQ(jobs_of("queue: {durability: os}").queue.durability, Durability::os);
    EXPECT_EQ(jobs_of("prefetch: auto, job: {timeout: none}, recycle: {jobs: none, memory: none, age: none}"),
              jobs_of("workers: 1"));
}

TEST(JobPools, StopAtTheirBounds) {
    EXPECT_THAT(told("prefetch: 65"), HasSubstr("'prefetch': 65 is above the bound of 64"));
    EXPECT_THAT(told("prefetch: 0"), HasSubstr("'prefetch': 0 is below 1"));
    EXPECT_THAT(told("prefetch: atuo"), HasSubstr("expected auto or a number from 1 to 64"));
    EXPECT_THAT(told("concurrency: 1025"), HasSubstr("1025 is above the bound of 1024"));
    EXPECT_THAT(told("job: {attempts: 0}"), HasSubstr("'job.attempts': 0 is below 1"));
    EXPECT_THAT(told("job: {attempts: 1001}"), HasSubstr("is above the bound of 1000"));
    EXPECT_EQ(jobs_of("queue: {capacity: 100000000}").queue.capacity, limits::max_queue_capacity);
    EXPECT_THAT(told("queue: {capacity: 100000001}"), HasSubstr("is above the bound of 100000000"));
    EXPECT_THAT(told("queue: {capacity: 0}"), HasSubstr("0 is below 1"));
    EXPECT_THAT(told("job: {timeout: 0}"), HasSubstr("'job.timeout': the time can't be 0 (write none for no bound)"));
    EXPECT_THAT(told("recycle: {age: 0s}"), HasSubstr("the time can't be 0"));
    EXPECT_THAT(told("recycle: {memory: 0}"), HasSubstr("the size can't be 0"));
    EXPECT_THAT(told("recycle: {memory: 512}"), HasSubstr("did you mean '512MiB'?"));
    EXPECT_THAT(told("recycle: 1000"), HasSubstr("did you mean {jobs: 1000}?"));
    EXPECT_THAT(told("queue: {durability: disk}"), HasSubstr("expected memory, os or fsync"));
    EXPECT_THAT(told("job: {retry_on: {timeouts: true}}"), HasSubstr("did you mean 'timeout'?"));
    EXPECT_THAT(told("job: {retry_on: [timeout]}"), HasSubstr("expected a map such as {timeout: true}"));
}

TEST(JobPools, SemaphoresMustBeDeclaredWithEnoughPermits) {
    EXPECT_EQ(told("job: {semaphores: {gpus: 1}}"),
              "test.yaml:3:57: error: 'job.semaphores': there is no semaphore 'gpus' (did you mean 'gpu'?)\n");
    EXPECT_THAT(told("job: {semaphores: {licence: 1}}"),
                HasSubstr("(declare it in pinion.yaml: semaphores: {licence: 1})"));
    EXPECT_THAT(told("job: {semaphores: {gpu: 3}}"), HasSubstr("a job would wait for ever for 3 permits: there are 2"));
    EXPECT_EQ(jobs_of("job: {semaphores: {gpu: 2}}").job.semaphores.at("gpu"), 2U);
    EXPECT_THAT(told("job: {semaphores: {gpu: 0}}"), HasSubstr("'job.semaphores.gpu': 0 is below 1"));
    EXPECT_THAT(told("job: {semaphores: [gpu]}"), HasSubstr("expected a map such as {gpu: 1}"));
    EXPECT_THAT(told("job: {semaphores: {GPU: 1}}"), HasSubstr("expected a name"));
    const auto top = [](const std::string& text) {
        return diagnostics_of(load_text("semaphores: " + text +
                                        "\npools: {p: {kind: jobs, command: [x], job: "
                                        "{semaphores: {gpu: 1}}}}"));
    };
    EXPECT_EQ(top("{gpu: 0}"), "test.yaml:1:19: error: 'semaphores.gpu': 0 is below 1\n");
    EXPECT_THAT(top("{gpu: 1000001}"), HasSubstr("is above the bound of 1000000"));
    EXPECT_EQ(top("{gpu: 1000000}"), "");
    EXPECT_THAT(top(""), HasSubstr("there is no semaphore 'gpu'"));
    std::string many = "{gpu: 1";
    for (std::size_t i = 1; i < limits::max_semaphores; ++i) many += ", s" + std::to_string(i) + ": 1";
    EXPECT_EQ(top(many + "}"), "");
    EXPECT_THAT(top(many + ", one-more: 1}"), HasSubstr("257 semaphores are above the bound of 256"));
    const auto loaded = load_text(semaphores);
    EXPECT_EQ(loaded->semaphores(), (Semaphores{{"db", 8}, {"gpu", 2}}));
}

TEST(JobPools, AChangeOfSemaphoresAloneIsAChange) {
    const auto with = [](const std::string& text) { return *load_text("semaphores: {" + text + "}\npools: {}\n"); };
    const Config before = with("gpu: 1, db: 8, tape: 2");
    EXPECT_THAT(semaphore_changes(before, with("tape: 2, gpu: 1, db: 8")), IsEmpty());
    EXPECT_THAT(semaphore_changes(before, with("gpu: 3, db: 1, disk: 1")),
                ElementsAre("semaphore 'db' changed: 1 permit, before 8", "semaphore 'disk' added: 1 permit",
                            "semaphore 'gpu' changed: 3 permits, before 1", "semaphore 'tape' removed"));
}

TEST(JobPools, KeysOfJobsStandOnlyInPoolsOfJobs) {
    for (const Key& key : all_keys()) {
        if (!key.jobs_only) continue;
        const std::string path(key.path);
        const std::string value = path == "allow" ? "{groups: []}" : key.print(Draft{}).text;
        const auto dot = path.find('.');
        const std::string keys = dot == std::string::npos
                                     ? path + ": " + value
                                     : path.substr(0, dot) + ": {" + path.substr(dot + 1) + ": " + value + "}";
        EXPECT_THAT(mistakes_of(keys),
                    HasSubstr("'" + path + "' stands only in pools of 'kind: jobs' (add kind: jobs)"));
        EXPECT_THAT(mistakes_of(keys + ", kind: service"), HasSubstr("pools of 'kind: jobs'\n"));
        EXPECT_EQ(told(keys), "") << keys;
    }
}

TEST(JobPools, WhatServicePoolsInheritIsMeantForJobPools) {
    const auto loaded = load_text(
        "defaults: {job: {attempts: 7}, queue: {durability: os}}\n"
        "pools: {s: {command: [x]}, j: {kind: jobs, command: [x], job: {delay: 2s}}}\n");
    ASSERT_TRUE(loaded) << diagnostics_of(loaded);
    EXPECT_FALSE(loaded->pools().at("s")->jobs);
    EXPECT_EQ(loaded->pools().at("j")->jobs->job.attempts, 7U);
    EXPECT_EQ(loaded->pools().at("j")->jobs->job.delay, 2s);
    EXPECT_EQ(loaded->pools().at("j")->jobs->queue.durability, Durability::os);
}

TEST(JobPools, RefuseWhatAProcessAJobCanNotHave) {
    EXPECT_THAT(told("protocol: exec, prefetch: 4"), HasSubstr("'prefetch' can't be had with 'protocol: exec'"));
    EXPECT_THAT(told("protocol: exec, concurrency: 2"), HasSubstr("'concurrency' can't be had with 'protocol: exec'"));
    EXPECT_THAT(told("protocol: exec, start: {ready: notify}"), HasSubstr("'start.ready: notify' can't be had"));
    EXPECT_THAT(told("protocol: exec, recycle: {jobs: 5}"), HasSubstr("warning: 'recycle.jobs' has no effect"));
    EXPECT_THAT(told("protocol: exec, log: {stdout: direct}"), HasSubstr("that output is the result"));
    EXPECT_THAT(told("log: {stdout: direct}"), HasSubstr("that output carries the answers"));
    EXPECT_EQ(told("protocol: frames, log: {stdout: direct}"), "");
    EXPECT_EQ(told("protocol: exec, prefetch: auto, concurrency: 1"), "");
}

TEST(JobPools, RefuseWhatContradictsItself) {
    EXPECT_THAT(told("payload: raw, concurrency: 2"), HasSubstr("'concurrency' can't be had with 'payload: raw'"));
    EXPECT_EQ(told("payload: raw, concurrency: 2, protocol: frames"), "");
    EXPECT_THAT(told("job: {delay: 10m}"), HasSubstr("'job.max_delay' (5m) is below 'job.delay' (10m)"));
    EXPECT_THAT(told("job: {attempts: 1, delay: 2s}"),
                HasSubstr("warning: 'job.delay' has no effect with 'job.attempts: 1'"));
    EXPECT_THAT(told("prefetch: 3, job: {semaphores: {gpu: 1}}"), HasSubstr("warning: 'prefetch' has no effect"));
}

TEST(JobPools, TheInputStandsInTheArgumentsOfAProcessAJob) {
    const auto with = [](const std::string& command, const std::string& keys) {
        return diagnostics_of(load_text("pools: {p: {command: " + command + ", " + keys + "}}"));
    };
    EXPECT_EQ(with("[/bin/x, \"${input}\", \"$$${slot}\"]", "kind: jobs, protocol: exec"), "");
    EXPECT_THAT(with("[\"${input}\"]", "kind: jobs, protocol: exec"), HasSubstr("the program itself can't be"));
    EXPECT_THAT(with("[x, \"${input}\"]", "kind: jobs"), HasSubstr("'kind: jobs' and 'protocol: exec'"));
    EXPECT_THAT(with("[x, \"${input}\"]", "workers: 1"), HasSubstr("'${input}' stands only in a pool"));
    EXPECT_THAT(with("[x, \"${input+1}\"]", "kind: jobs, protocol: exec"), HasSubstr("can't be calculated with"));
    EXPECT_THAT(with("[x]", "kind: jobs, protocol: exec, env: {A: \"${input}\"}"), HasSubstr("'env.A'"));
}

TEST(JobInputs, BecomeCompactJson) {
    const JobPoolSpec jobs = jobs_of(
        R"(inputs: [1, -0.5e3, true, null, ~, "1", 'x y', text, yes, 1.2.3, 2026-11-22, {a: 1, "b c": [x, {}]}, [], "\n\""])");
    EXPECT_THAT(jobs.inputs,
                ElementsAre("1", "-0.5e3", "true", "null", "null", R"("1")", R"("x y")", R"("text")", R"("yes")",
                            R"("1.2.3")", R"("2026-11-22")", R"({"a":1,"b c":["x",{}]})", "[]", R"("\u000a\"")"));
    EXPECT_THAT(jobs_of("inputs: []").inputs, IsEmpty());
}

TEST(JobInputs, AreNotGuessed) {
    for (const char* number : {"0x1F", "0o17", "007", "+1", ".5", "1.", ".inf", "-.NaN", "1.e3"})
        EXPECT_THAT(told("inputs: [" + std::string(number) + "]"), HasSubstr("is no number in JSON")) << number;
    for (const char* word : {"True", "FALSE"})
        EXPECT_THAT(told("inputs: [" + std::string(word) + "]"), HasSubstr("may be a text or the value")) << word;
    EXPECT_THAT(told("inputs: 5"), HasSubstr("expected a list of values"));
}

TEST(JobInputs, WithPayloadRawAreSingleLines) {
    EXPECT_THAT(jobs_of("payload: raw, inputs: [1, 'a b', \"\", \"1\"]").inputs, ElementsAre("1", "a b", "", "1"));
    EXPECT_THAT(told("payload: raw, inputs: [[1]]"), HasSubstr("each input is a text or a number"));
    EXPECT_THAT(told("payload: raw, inputs: [null]"), HasSubstr("each input is a text or a number"));
    EXPECT_EQ(told("inputs: [\"a\\nb\"], payload: raw"),
              "test.yaml:3:47: error: 'inputs': with 'payload: raw' each input is a single line\n");
}

TEST(JobInputs, StopAtTheirBounds) {
    const auto list = [](std::size_t count, const std::string& item) {
        std::string text = "inputs: [" + item;
        for (std::size_t i = 1; i < count; ++i) text += "," + item;
        return text + "]";
    };
    EXPECT_EQ(jobs_of(list(limits::max_inputs, "1")).inputs.size(), limits::max_inputs);
    EXPECT_THAT(told(list(limits::max_inputs + 1, "1")), HasSubstr("10001 inputs are above the bound of 10000"));
    EXPECT_EQ(told("inputs: [[[[[[[[[1]]]]]]]]]"), "");
    EXPECT_THAT(told("inputs: [[[[[[[[[[1]]]]]]]]]]"), HasSubstr("nested deeper than 8"));
    // Aliases make more of a text than its file could hold.
    const auto aliases = [](std::size_t last) {
        std::string text = "inputs: [&a \"" + std::string(1022, 'x') + "\"";
        for (int i = 1; i < 255; ++i) text += ", *a";
        return text + ", \"" + std::string(last, 'x') + "\"]";
    };
    EXPECT_EQ(told(aliases(1022)), "");
    EXPECT_THAT(told(aliases(1023)), HasSubstr("longer than the bound of 262144 bytes (submit them instead)"));
    EXPECT_THAT(told("inputs: [[&b \"" + std::string(200'000, 'x') + "\", *b]]"), HasSubstr("longer than the bound"));
}

TEST(JobPools, AllowNamesThatExist) {
    EXPECT_EQ(jobs_of("allow: {users: [root], groups: []}").allow, (AllowPolicy{.uids = {0}, .gids = {}}));
    EXPECT_EQ(jobs_of("allow: {groups: [root, 7]}").allow, (AllowPolicy{.uids = {}, .gids = {0, 7}}));
    EXPECT_THAT(told("allow: {users: [no-such-user]}"), HasSubstr("'allow.users': there is no user 'no-such-user'"));
    EXPECT_THAT(told("allow: {groups: [no-such-group]}"), HasSubstr("'allow.groups': there is no group"));
    EXPECT_THAT(told("allow: {user: [root]}"), HasSubstr("did you mean 'users'?"));
    EXPECT_THAT(told("allow: {users: root}"), HasSubstr("did you mean [root]?"));
    EXPECT_THAT(told("allow: [root]"), HasSubstr("expected a map such as"));
    // The default group may be missing on this machine: then it allows nobody, and nothing is said.
    EXPECT_LE(jobs_of("workers: 1").allow.gids.size(), 1U);
}

Config config_of(const std::string& keys) {
    auto loaded = load_jobs(keys);
    EXPECT_TRUE(loaded) << diagnostics_of(loaded);
    return loaded ? std::move(*loaded) : Config{};
}

TEST(JobPools, AChangeOfTheQueueTouchesNoWorker) {
    const Config before = config_of("workers: 1");
    for (const char* keys :
         {"prefetch: 2", "queue: {durability: os}", "queue: {capacity: 5}", "queue: {retention: 1h}",
          "job: {timeout: 1m}", "job: {attempts: 2}", "job: {delay: 2s}", "job: {max_delay: 2m}", "job: {factor: 3}",
          "job: {jitter: 1%}", "job: {retry_on: {timeout: true}}", "job: {semaphores: {gpu: 1}}", "recycle: {jobs: 5}",
          "recycle: {memory: 1GiB}", "recycle: {age: 1h}", "inputs: [1]", "allow: {users: [54321]}"}) {
        const auto changes = diff(&before, config_of(keys));
        ASSERT_EQ(changes.size(), 1U) << keys;
        EXPECT_EQ(changes[0].kind, ChangeKind::tuned) << keys;
        EXPECT_EQ(changes[0].fields.size(), 1U) << keys;
        EXPECT_THAT(changes[0].respawn_fields, IsEmpty()) << keys;
    }
    for (const char* keys : {"protocol: frames", "payload: raw", "concurrency: 2"}) {
        const auto changes = diff(&before, config_of(keys));
        ASSERT_EQ(changes.size(), 1U) << keys;
        EXPECT_EQ(changes[0].kind, ChangeKind::replaced) << keys;
    }
    EXPECT_THAT(diff(&before, config_of("prefetch: auto, inputs: []")), IsEmpty());
}

TEST(JobPools, AnotherKindReplacesTheWorkers) {
    const Config before = config_of("workers: 1");
    const auto service = load_text("pools: {p: {command: [/bin/x]}}");
    ASSERT_TRUE(service);
    const auto changes = diff(&before, *service);
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_THAT(changes[0].respawn_fields, testing::Contains("kind"));
}

TEST(JobPools, PrintAsYamlThatLoadsBackToTheSame) {
    const std::string long_key(1200, 'k');
    for (const std::string& keys :
         {std::string("workers: 1"), std::string("protocol: exec, command: [x, \"$${input}${input}\"]"),
          std::string("protocol: frames, payload: raw, prefetch: 3, inputs: ['- a', 1, \"\\x7f\", '']"),
          std::string("prefetch: 3, concurrency: 7, queue: {durability: os, capacity: 5, retention: 1h}"),
          std::string("job: {timeout: 1m, attempts: 2, delay: 0, max_delay: 1s, factor: 1.5, jitter: 0%, retry_on: "
                      "{error: false}, semaphores: {gpu: 1, db: 2}}"),
          std::string("recycle: {jobs: 5, memory: 1000B, age: 1h}, allow: {users: [root, 7], groups: []}"),
          std::string(R"(inputs: [1.50, "1", null, {a: {b: [x, "y: z", "\"\\"]}}, "\x7f\0\u00e9", [[], {}]])"),
          "inputs: [{\"" + long_key + "\": 1}, {? \"" + long_key + ": " + long_key + "\" : [2]}]"}) {
        const auto loaded =
            load_text("semaphores: {gpu: 2, db: 8}\npools: {p: {kind: jobs, " +
                      (keys.contains("command") ? std::string() : "command: [/bin/x], ") + keys + "}}\n");
        if (keys.contains(long_key) && !loaded) continue;  // the parser's own bound
        ASSERT_TRUE(loaded) << diagnostics_of(loaded) << keys;
        const std::string yaml = to_yaml(*loaded);
        const auto again = load_text(yaml);
        ASSERT_TRUE(again) << diagnostics_of(again) << yaml;
        EXPECT_EQ(*again->pools().at("p"), *loaded->pools().at("p")) << yaml;
        EXPECT_EQ(again->semaphores(), loaded->semaphores());
        EXPECT_THAT(diff(&*loaded, *again), IsEmpty());
    }
}

TEST(JobPools, TheirKeysArePrintedForThemOnly) {
    const auto loaded = load_text("pools: {s: {command: [x]}}");
    EXPECT_THAT(to_yaml(*loaded), testing::Not(HasSubstr("protocol")));
    EXPECT_THAT(to_yaml(config_of("job: {semaphores: {gpu: 1}}")), HasSubstr("      semaphores:  # "));
    EXPECT_THAT(to_yaml(config_of("workers: 1")), HasSubstr("semaphores:\n  db: 8  # "));
}

}  // namespace
}  // namespace pinion::config
