// # A story as JSON
//
// What a page needs to draw a story: the page of this example, and the live pieces of the course.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "examples/explain/story.h"

namespace explain {

// The name that the program gives to a value; the name of the op if there is none.
std::string named(const Node& node);

// The formula's letters, with the names that they have here: "g ⊙ b" becomes "g ⊙ s".
std::string with_names(std::string_view formula, const Node& node, const Story& story);

nlohmann::json json_of(const Story& story);

}  // namespace explain
