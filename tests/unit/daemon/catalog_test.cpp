// SPDX-License-Identifier: Apache-2.0
// The journal's catalog has a text for each kind of record and for no other; it says why and what to do, and speaks
// only of fields that every record of that kind has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "base/fd.h"
#include "daemon/jobs/job_records.h"
#include "daemon/records.h"
#include "log/messages.h"

namespace pinion::daemon {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;
using Words = std::set<std::string>;

const fs::path catalog_file = PINION_SOURCE_DIR "/packaging/catalog/pinion.catalog";

struct Entry {
    std::map<std::string, std::string> headers;
    std::string body;
};

// By id. What is against the format becomes a failure of the test.
std::map<std::string, Entry> read_catalog() {
    static const std::regex begin("-- ([0-9a-f]{32})");
    static const std::regex header("([A-Z][A-Za-z-]*): (.+)");
    std::map<std::string, Entry> entries;
    Entry* entry = nullptr;
    bool in_body = false;
    std::istringstream lines(read_file(catalog_file, 1 << 20).value());
    std::smatch match;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("#")) continue;
        if (std::regex_match(line, match, begin)) {
            EXPECT_FALSE(entries.contains(match[1])) << "twice: " << line;
            entry = &entries[match[1]];
            in_body = false;
        } else if (entry == nullptr) {
            EXPECT_EQ(line, "") << "text before the first entry";
        } else if (in_body) {
            entry->body += line + "\n";
        } else if (line.empty()) {
            in_body = true;
        } else if (std::regex_match(line, match, header)) {
            EXPECT_TRUE(entry->headers.emplace(match[1], match[2]).second) << "twice: " << line;
        } else {
            ADD_FAILURE() << "neither header nor blank: " << line;
        }
    }
    return entries;
}

Words fields_of(const log::Record& record) {
    Words names{"PRIORITY", "MESSAGE", "SYSLOG_IDENTIFIER", "MESSAGE_ID", "PINION_EVENT"};
    for (const auto& [name, value] : record.fields) names.insert(name);
    return names;
}

// For each kind, the fields that all its records have; a kind that nobody records yet is not in it.
class CommonFields {
public:
    CommonFields() {
        add_facts(std::make_index_sequence<std::variant_size_v<supervise::Fact>>());
        add_sources();
        add_record(store_record(log::Priority::err, ""));
        add_record(queue_record("web", jobs::QueueMode::paused, "root"));
        add_record(map_record("web", "its inputs", {}));
    }
    std::map<std::string_view, Words> by_event;

private:
    void add(const log::MessageKind& kind, const Words& fields) {
        const auto [found, fresh] = by_event.try_emplace(kind.event, fields);
        if (!fresh) std::erase_if(found->second, [&](const std::string& name) { return !fields.contains(name); });
    }

    // A fact without any of what may be left out makes the smallest record.
    template <std::size_t... index>
    void add_facts(std::index_sequence<index...>) {
        (add_record(to_record(std::variant_alternative_t<index, supervise::Fact>{}, {})), ...);
    }
    void add_record(const log::Record& record) { add(*record.kind, fields_of(record)); }

    // Those that the daemon writes without a fact, from the sources: of a pool, or of none.
    void add_sources() {
        static const std::regex pattern(R"((daemon|pool|seat)_record\(\s*[^;]{0,120}?messages::([a-z_]+))");
        for (const auto& file : fs::directory_iterator(PINION_SOURCE_DIR "/daemon")) {
            if (file.path().extension() != ".cpp" || file.path().filename() == "records.cpp") continue;
            const std::string text = read_file(file.path(), 1 << 20).value();
            for (auto match = std::sregex_iterator(text.begin(), text.end(), pattern); match != std::sregex_iterator();
                 ++match)
                add_source((*match)[1], (*match)[2]);
        }
    }
    void add_source(const std::string& about, std::string kind_name) {
        std::ranges::replace(kind_name, '_', '-');
        for (const auto* kind : log::messages::all) {
            if (kind->event != kind_name) continue;
            if (about == "daemon") add_record(daemon_record(log::Priority::info, *kind, ""));
            if (about == "pool") add_record(pool_record(log::Priority::info, *kind, "web", ""));
            if (about == "seat") add_record(seat_record(log::Priority::info, *kind, "web", 0, ""));
        }
    }
};

TEST(Catalog, HasATextForEachKindOfRecordAndForNoOther) {
    Words texts;
    for (const auto& [id, entry] : read_catalog()) texts.insert(id);
    Words kinds;
    for (const auto* kind : log::messages::all) kinds.emplace(kind->message_id);
    EXPECT_EQ(texts, kinds);
}

TEST(Catalog, SaysOfEachWhatItIsWhyAndWhatToDo) {
    const auto entries = read_catalog();
    Words subjects;
    for (const auto& [id, entry] : entries) {
        ASSERT_TRUE(entry.headers.contains("Subject")) << id;
        EXPECT_TRUE(subjects.insert(entry.headers.at("Subject")).second) << "the same subject twice: " << id;
        ASSERT_TRUE(entry.headers.contains("Defined-By")) << id;
        EXPECT_EQ(entry.headers.at("Defined-By"), "Pinion");
        ASSERT_TRUE(entry.headers.contains("Support")) << id;
        for (const auto& [name, value] : entry.headers)
            EXPECT_TRUE(name == "Subject" || name == "Defined-By" || name == "Support" || name == "Documentation")
                << name;
        const auto cause = entry.body.find("\nCause: ");
        const auto remedy = entry.body.find("\nWhat to do: ");
        ASSERT_NE(cause, std::string::npos) << id;
        ASSERT_NE(remedy, std::string::npos) << id;
        EXPECT_GT(cause, 30U) << "what happened comes first: " << id;
        EXPECT_LT(cause, remedy) << id;
    }
}

TEST(Catalog, SpeaksOnlyOfFieldsThatEachSuchRecordHas) {
    const auto entries = read_catalog();
    const CommonFields common;
    EXPECT_TRUE(common.by_event.contains("worker-died") && common.by_event.contains("config-loaded"));
    static const std::regex field("@([^@\\s]*)@");
    int used = 0;
    for (const auto* kind : log::messages::all) {
        const auto entry = entries.find(std::string(kind->message_id));
        if (entry == entries.end()) continue;
        const std::string text = entry->second.headers.at("Subject") + "\n" + entry->second.body;
        const auto known = common.by_event.find(kind->event);
        for (auto match = std::sregex_iterator(text.begin(), text.end(), field); match != std::sregex_iterator();
             ++match) {
            ++used;
            const std::string name = (*match)[1];
            EXPECT_TRUE(known != common.by_event.end() && known->second.contains(name))
                << kind->event << ": @" << name << "@";
        }
        EXPECT_EQ(std::ranges::count(text, '@') % 2, 0) << kind->event;
    }
    EXPECT_GT(used, 20);
}

TEST(Catalog, IsReadByTheJournalItself) {
    if (std::system("command -v journalctl >/dev/null 2>&1") != 0) GTEST_SKIP() << "journalctl is not here";
    std::string pattern = (fs::temp_directory_path() / "pinion-catalog-XXXXXX").string();
    const fs::path root = ::mkdtemp(pattern.data());
    fs::create_directories(root / "usr/lib/systemd/catalog");
    fs::create_directories(root / "var/lib/systemd/catalog");
    fs::copy(catalog_file, root / "usr/lib/systemd/catalog");
    const std::string said = (root / "said").string();
    const std::string journalctl = "journalctl --root=" + root.string() + " ";
    EXPECT_EQ(std::system((journalctl + "--update-catalog >" + said + " 2>&1").c_str()), 0);
    EXPECT_EQ(read_file(said, 1 << 20).value(), "") << "the journal complains of the catalog";
    EXPECT_EQ(std::system((journalctl + "--dump-catalog >" + said + " 2>&1").c_str()), 0);
    const std::string dumped = read_file(said, 1 << 20).value();
    for (const auto& [id, entry] : read_catalog()) {
        EXPECT_THAT(dumped, HasSubstr("-- " + id + "\nSubject: " + entry.headers.at("Subject")));
    }
    fs::remove_all(root);
}

}  // namespace
}  // namespace pinion::daemon
