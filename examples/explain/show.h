// # A story, shown as text or as a page
#pragma once

#include <span>
#include <string>

#include "examples/explain/story.h"
#include "examples/page/page.h"

namespace explain {

// All steps, one after the other, for a terminal.
std::string text(const Story& story);

// The stories as JSON, with what the page's script needs to draw them.
std::string data_of(std::span<const Story> stories);

page::Page page_of(std::span<const Story> stories);

}  // namespace explain
