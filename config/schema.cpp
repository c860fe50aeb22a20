// SPDX-License-Identifier: Apache-2.0
// The JSON Schema. Each codec brings the schema of its values as text; here they are put together.
#include "config/schema.h"

#include "base/text.h"
#include "config/codec_jobs.h"
#include "config/keys.h"
#include "model/limits.h"

namespace pinion::config {
namespace {

std::string describe(const Key& key) {
    std::string text(key.meaning);
    text += " Type: " + key.type() + ".";
    const Printed standard = key.print(Draft{});
    if (standard.set) text += " Default: " + (standard.entries.empty() ? standard.text : "see the reference") + ".";
    return text;
}

std::string key_schema(const Key& key) {
    std::string kinds = key.schema();
    // null takes away what `defaults` says.
    if (key.section == Section::pool && !key.null_is_value) kinds += R"(,{"type":"null"})";
    return R"({"description":)" + json_text(describe(key)) + R"(,"anyOf":[)" + kinds + "]}";
}

std::string block_schema(Section section, const std::string& path, const std::string& required) {
    std::vector<std::string> members;
    for (const auto name : names_below(section, path, false)) {
        const std::string full = path.empty() ? std::string(name) : path + "." + std::string(name);
        const Key* key = find_key(section, full);
        const std::string schema = key != nullptr ? key_schema(*key) : block_schema(section, full, {});
        members.push_back(json_text(name) + ":" + schema);
    }
    const std::string block = json_object_schema(join(members, ","), required);
    if (path.empty()) return block;
    return R"({"anyOf":[)" + block + R"(,{"type":"null"}]})";
}

}  // namespace

std::string json_schema() {
    const std::string pool = block_schema(Section::pool, "", {});
    std::vector<std::string> members;
    members.push_back(R"("version":{"description":"The version of this format.","const":1})");
    members.push_back(R"("daemon":)" + block_schema(Section::daemon, "", {}));
    members.push_back(R"("machine":)" + block_schema(Section::machine, "", {}));
    members.push_back(R"("semaphores":{"description":"Permits by name, shared by the jobs of all pools.","anyOf":[)" +
                      SemaphoresCodec::schema() + R"(,{"type":"null"}]})");
    members.push_back(R"("defaults":{"description":"Keys of pools, for all pools.","$ref":"#/definitions/pool"})");
    members.push_back(R"("pools":{"description":"Pools by name.","type":["object","null"],"maxProperties":)" +
                      std::to_string(limits::max_pools) +
                      R"(,"propertyNames":{"pattern":"^[a-z][a-z0-9_-]{0,62}$"},)"
                      R"("additionalProperties":{"$ref":"#/definitions/pool"}})");
    return R"({"$schema":"http://json-schema.org/draft-07/schema#","title":"Configuration of Pinion",)"
           R"("type":["object","null"],"additionalProperties":false,"properties":{)" +
           join(members, ",") + R"(},"definitions":{"pool":)" + pool + "}}\n";
}

}  // namespace pinion::config
