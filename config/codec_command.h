// SPDX-License-Identifier: Apache-2.0
// Codecs of what a worker is: its command, environment, folder, identity and place in the system.
#pragma once

#include <map>

#include "config/codec.h"
#include "config/draft.h"

namespace pinion::config {

// A list of words, or one string that is split. A program with a slash becomes absolute.
struct CommandCodec {
    using Value = CommandSpec;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

struct EnvironmentCodec {
    using Value = std::map<std::string, std::string>;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

// A list of files; each becomes absolute. Not printed: what it gave stands in `env`.
struct FileListCodec {
    using Value = std::vector<Placed<std::string>>;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

// A list of names of variables. Not printed either.
struct VariableListCodec {
    using Value = std::vector<Placed<std::string>>;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

// A folder with substitutions; becomes absolute.
struct FolderCodec {
    using Value = std::string;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

// A user or a group, by name or number.
struct AccountCodec {
    using Value = Placed<std::string>;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

struct AccountListCodec {
    using Value = std::vector<Placed<std::string>>;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

struct UmaskCodec {
    using Value = std::uint32_t;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

struct SchedulerWords {
    using Value = SchedulerPolicy;
    static constexpr std::string_view words[] = {"other", "batch", "idle"};
};

struct IoPriorityCodec {
    using Value = IoPriority;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

// {nofile: 65536, core: unlimited, stack: "8MiB:16MiB"}
struct LimitsCodec {
    using Value = std::vector<ResourceLimit>;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

}  // namespace pinion::config
