// SPDX-License-Identifier: Apache-2.0
// What is made from the table: the schema, the reference, the effective configuration.
#include "config/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "config/change.h"
#include "config/document.h"
#include "config/keys.h"
#include "scratch.h"
#include "wire/json.h"

namespace pinion::config {
namespace {

using testing::HasSubstr;
using testing::Not;
using wire::Json;

Json schema() {
    auto parsed = Json::parse(json_schema());
    EXPECT_TRUE(parsed) << parsed.error().message;
    return parsed ? *parsed : Json{};
}

// The members that `path` ("restart.delay") leads through, below a section.
const Json* find_property(const Json* node, std::string_view path) {
    while (node != nullptr) {
        // A block that may be null stands in the first choice.
        if (const Json* choices = node->find("anyOf")) node = &choices->items().front();
        const auto dot = path.find('.');
        const Json* properties = node->find("properties");
        node = properties == nullptr ? nullptr : properties->find(path.substr(0, dot));
        if (dot == std::string_view::npos) return node;
        path.remove_prefix(dot + 1);
    }
    return nullptr;
}

const Json* section_of(const Json& root, Section section) {
    if (section == Section::pool) return root.find("definitions")->find("pool");
    return root.find("properties")->find(to_string(section));
}

void expect_closed(const Json& node, const std::string& path) {
    if (node.find("properties") != nullptr) {
        const Json* additional = node.find("additionalProperties");
        ASSERT_NE(additional, nullptr) << path;
        EXPECT_EQ(additional->as_bool(), false) << path;
    }
    for (const auto& [name, member] : node.members()) expect_closed(member, path + "/" + name);
    for (const auto& item : node.items()) expect_closed(item, path + "[]");
}

TEST(JsonSchema, IsDraft07) {
    EXPECT_EQ(*schema().find("$schema")->as_string(), "http://json-schema.org/draft-07/schema#");
}

TEST(JsonSchema, HoldsEverySupportedKeyWithADescriptionAndNoOther) {
    const Json root = schema();
    for (const Key& key : all_keys()) {
        const Json* found = find_property(section_of(root, key.section), key.path);
        EXPECT_EQ(found != nullptr, key.stage == Stage::supported) << key.path;
        if (found == nullptr) continue;
        EXPECT_THAT(*found->find("description")->as_string(), HasSubstr(std::string(key.meaning))) << key.path;
    }
}

TEST(JsonSchema, AllowsNoUnknownKeysAnywhere) { expect_closed(schema(), ""); }

// The keys that the normative list marks as S, P or J.
TEST(Keys, AllThatIsBuiltIsSupported) {
    const std::map<Section, std::string> built{
        {Section::daemon, "watch shutdown_timeout log_lines_per_second"},
        {Section::machine, "cpus reserve inherited_mask isolated half_cores enforce audit foreign_pins"},
        {Section::pool,
         "kind command workers max_workers cpu env env_file pass_env cwd user group supplementary_groups umask nice "
         "scheduler io "
         "oom_score_adj limits restart.policy restart.delay restart.max_delay restart.factor restart.jitter "
         "restart.reset_after restart.limit restart.success restart.fatal start.ready start.timeout start.stagger "
         "start.after stop.signal stop.timeout log.stdout log.stderr protocol payload prefetch concurrency "
         "queue.durability queue.capacity queue.retention job.timeout job.attempts job.delay job.max_delay job.factor "
         "job.jitter job.retry_on job.semaphores recycle.jobs recycle.memory recycle.age inputs allow"}};
    std::size_t count = 0;
    for (const auto& [section, paths] : built) {
        std::istringstream words(paths);
        for (std::string path; words >> path; ++count) {
            const Key* key = find_key(section, path);
            ASSERT_NE(key, nullptr) << path;
            EXPECT_EQ(key->stage, Stage::supported) << path;
            EXPECT_FALSE(key->meaning.empty()) << path;
        }
    }
    const auto supported = [](const Key& key) { return key.stage == Stage::supported; };
    EXPECT_EQ(static_cast<std::size_t>(std::ranges::count_if(all_keys(), supported)), count);
}

TEST(Keys, ThoseStillToComeAreKnownAndRefused) {
    for (const Key& key : all_keys()) {
        if (key.section != Section::pool || key.stage == Stage::supported) continue;
        std::string keys(key.path);
        if (const auto dot = keys.find('.'); dot != std::string::npos)
            keys = keys.substr(0, dot) + ": {" + keys.substr(dot + 1) + ": 1}";
        else
            keys += ": 1";
        const auto loaded = load_text("pools: {p: {command: [x], " + keys + "}}");
        ASSERT_FALSE(loaded) << key.path;
        EXPECT_EQ(loaded.error().front().code, "not-yet");
        EXPECT_EQ(loaded.error().front().message, "key '" + std::string(key.path) + "' is not supported yet");
    }
}

TEST(JsonSchema, HoldsTheTopLevelKeys) {
    const Json root = schema();
    const Json* properties = root.find("properties");
    for (const char* key : {"version", "daemon", "machine", "semaphores", "defaults", "pools"})
        EXPECT_NE(properties->find(key), nullptr) << key;
}

TEST(KeyReference, HasALineForEveryKey) {
    const std::string text = key_reference();
    for (const Key& key : all_keys()) EXPECT_THAT(text, HasSubstr("\n| `" + std::string(key.path) + "` | "));
    EXPECT_THAT(text, HasSubstr("| `restart.delay` | duration | `100ms` |"));
    EXPECT_THAT(text, HasSubstr("| `watchdog` | | | not supported yet | |"));
}

// --- The effective configuration.

Config reload(const Config& config) {
    const std::string yaml = to_yaml(config);
    auto again = load_text(yaml);
    EXPECT_TRUE(again) << diagnostics_of(again) << yaml;
    return again ? std::move(*again) : Config{};
}

TEST(ToYaml, NamesThePlaceOfWhatIsNoDefault) {
    const auto loaded = load_text("pools:\n  a:\n    command: [x]\n    env: {A: 1}\n    stop: {timeout: 3s}\n");
    ASSERT_TRUE(loaded);
    const std::string yaml = to_yaml(*loaded);
    const std::string file = loaded->files().front();
    EXPECT_THAT(yaml, HasSubstr("  a:  # " + file + ":2\n"));
    EXPECT_THAT(yaml, HasSubstr("    command: [x]  # " + file + ":3\n"));
    EXPECT_THAT(yaml, HasSubstr("      A: \"1\"  # " + file + ":4\n"));
    EXPECT_THAT(yaml, HasSubstr("      timeout: 3s  # " + file + ":5\n"));
    EXPECT_THAT(yaml, HasSubstr("    workers: 1\n"));
}

TEST(ToYaml, AnEmptyConfigurationLoadsBack) { EXPECT_TRUE(reload(*load_text("")).pools().empty()); }

TEST(ToYaml, QuotesWhatWouldBeSomethingElse) {
    for (const char* text :
         {"",  "null", "true", "No", "1",  "-", "- a", "a: b", "a #b", "#", "[x]",  "{",   "&a", "*a",  "!t", "|",
          ">", "%",    "@",    "`",  "\"", "'", "\\",  "a\nb", "\t",   "é", "\x7f", " a ", "~",  "0x1", "?",  ","}) {
        const std::string file = "t";
        Arena arena;
        Report report;
        const Node* node = parse_document("[" + yaml_text(text) + "]", file, arena, report);
        ASSERT_NE(node, nullptr) << text;
        EXPECT_EQ(node->items.at(0)->text, text);
        EXPECT_TRUE(node->items.at(0)->is_scalar()) << text;
    }
}

// Random choices that print the same with the same seed.
class Dice {
public:
    explicit Dice(std::uint64_t seed) : state_(seed) {}
    std::uint64_t below(std::uint64_t bound) {
        state_ = state_ * 6364136223846793005U + 1442695040888963407U;
        return (state_ >> 33) % bound;
    }
    bool toss() { return below(2) == 0; }
    std::string pick(std::initializer_list<const char*> words) { return *(words.begin() + below(words.size())); }

private:
    std::uint64_t state_;
};

std::string random_text(Dice& dice) {
    std::string text;
    for (auto i = dice.below(8); i > 0; --i)
        text += dice.pick({"a",  "B",  "9",       " ", "\"", "\\", "\n",   "\t", "#", ": ", "-", "é",
                           "😀", "$$", "${slot}", "'", "{",  "]",  "\x01", ",",  "&", "*",  "!", "~"});
    return yaml_text(text);
}

std::string random_duration(Dice& dice) {
    return std::to_string(dice.below(1000)) + dice.pick({"us", "ms", "s", "m", "h"});
}

std::string random_value(Dice& dice, int depth) {
    if (depth == 0 || dice.below(3) != 0) return dice.pick({"1", "-2.50e3", "true", "null", "~", "text", "1 x", "'2'"});
    const bool list = dice.toss();
    std::string text = list ? "[" : "{";
    for (auto i = dice.below(4); i > 0; --i)
        text += (list ? "" : "k" + std::to_string(i) + ": ") +
                (dice.toss() ? random_text(dice) : random_value(dice, depth - 1)) + ", ";
    return text + (list ? "]" : "}");
}

// Keys of a pool of kind jobs.
void add_job_keys(Dice& dice, std::vector<std::string>& keys) {
    const auto maybe = [&](std::string key) {
        if (dice.toss()) keys.push_back(std::move(key));
    };
    const auto some = [&](std::uint64_t bound) { return std::to_string(1 + dice.below(bound)); };
    keys.emplace_back("kind: jobs");
    keys.emplace_back("protocol: frames");  // goes with every other key
    maybe("prefetch: " + some(64));
    maybe("concurrency: " + some(1024));
    maybe("queue: {durability: " + dice.pick({"memory", "os"}) + ", capacity: " + some(99999) +
          ", retention: " + random_duration(dice) + "}");
    maybe("job: {timeout: " + some(99) + "s, attempts: " + some(9) + ", delay: " + some(999) + "us, factor: 1." +
          some(999) + ", jitter: 0." + some(99) + "%, retry_on: {" + dice.pick({"error", "crash", "timeout", "oom"}) +
          ": " + dice.pick({"true", "false"}) + "}, semaphores: {gpu: " + some(2) + "}}");
    maybe("recycle: {jobs: " + some(99) + ", memory: " + some(99) + "KiB, age: none}");
    maybe("inputs: [" + random_value(dice, 5) + ", " + random_text(dice) + ", " + random_value(dice, 5) + "]");
    maybe("allow: {users: [" + some(99999) + ", 0], groups: [" + some(9) + "]}");
}

std::string random_pool(Dice& dice, int number) {
    std::vector<std::string> keys{"command: [prog, " + random_text(dice) + "]"};
    const auto maybe = [&](std::string key) {
        if (dice.toss()) keys.push_back(std::move(key));
    };
    const auto some = [&](std::uint64_t bound) { return std::to_string(dice.below(bound)); };
    maybe("workers: " + some(3));
    maybe("cpu: " + dice.pick({"auto", "none", "1 core", "7 cores", "2 threads", "{seats: [\"0-2,5\", 7, \"9-10\"]}"}));
    maybe("env: {A: " + random_text(dice) + ", B.c-d: " + random_text(dice) + ", \"é:\": x}");
    maybe("cwd: " + yaml_text("/srv/" + some(99)));
    maybe("user: " + dice.pick({"root", "0", "54321", "daemon"}));
    maybe("group: " + some(100'000));
    maybe("supplementary_groups: [" + some(100'000) + ", " + some(9) + "]");
    maybe("umask: 0" + dice.pick({"0", "27", "777", "022"}));
    maybe("nice: " + some(20));
    maybe("scheduler: " + dice.pick({"other", "batch", "idle"}));
    maybe("io: " + dice.pick({"{class: idle}", "{class: realtime, level: 0}", "{class: best_effort}"}));
    maybe("oom_score_adj: -" + some(1000));
    maybe("limits: {nofile: " + some(99999) + ", core: unlimited, stack: \"" + some(999) +
          "KiB:1GiB\", cpu: " + some(99) + "s}");
    maybe("restart: {policy: " + dice.pick({"always", "on_failure"}) + ", delay: " + some(9999) +
          "us, max_delay: " + std::to_string(1 + dice.below(90)) + "s, factor: 1." + some(1'000'000) +
          ", jitter: " + some(99) + "." + some(999'999) + "%, reset_after: " + random_duration(dice) +
          ", success: [0, " + dice.pick({"SIGTERM", "7", "RTMIN+2"}) + "], fatal: [78]}");
    maybe("start: {ready: " + dice.pick({"exec", "notify"}) + ", stagger: " + random_duration(dice) +
          (number > 0 ? ", after: [p" + some(static_cast<std::uint64_t>(number)) + "]}" : "}"));
    maybe("stop: {signal: " + dice.pick({"INT", "SIGKILL", "RTMAX-1"}) + ", timeout: " + random_duration(dice) + "}");
    maybe("log: {stdout: " + dice.pick({"null", "debug", "direct", "\"file:/a b\""}) +
          ", stderr: " + dice.pick({"null", "emerg", "direct"}) + "}");
    if (dice.toss()) add_job_keys(dice, keys);
    std::string text = "  p" + std::to_string(number) + ": {";
    for (const auto& key : keys) text += key + ", ";
    return text + "}\n";
}

TEST(ToYaml, WhatItPrintsLoadsBackToTheSame) {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Dice dice(seed);
        std::string text =
            "daemon: {watch: " + dice.pick({"true", "false"}) + ", shutdown_timeout: " + random_duration(dice) +
            "}\nmachine: {cpus: " + dice.pick({"all", "\"0-3,9\"", "5"}) +
            ", reserve: " + dice.pick({"0", "3", "{cpus: \"0,8\"}"}) + "}\nsemaphores: {gpu: 2}\npools:\n";
        for (int i = 0; i < 3; ++i) text += random_pool(dice, i);
        const auto loaded = load_text(text);
        ASSERT_TRUE(loaded) << diagnostics_of(loaded) << text;
        const Config again = reload(*loaded);
        ASSERT_EQ(again.daemon(), loaded->daemon());
        ASSERT_EQ(again.machine(), loaded->machine());
        ASSERT_EQ(again.semaphores(), loaded->semaphores());
        ASSERT_EQ(again.pools().size(), loaded->pools().size());
        for (const auto& [name, spec] : loaded->pools())
            ASSERT_EQ(*again.pools().at(name), *spec) << name << "\n" << text << to_yaml(*loaded);
        ASSERT_TRUE(diff(&*loaded, again).empty());
    }
}

}  // namespace
}  // namespace pinion::config
