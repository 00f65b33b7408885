// # explain
//
// How does a gradient flow? Two small computations, and the sweep through each of them, step by
// step: which node is next and why, the gradient that arrives, the rule of the op, what it gives to
// its parents, and the memory that is freed. In a web page, or as text.
#include <filesystem>

#include "examples/common/program.h"
#include "examples/explain/options.h"
#include "examples/explain/show.h"

namespace {

void run(int argc, char** argv) {
  const explain::Options options = explain::parse_options(argc, argv);
  // Run the sweeps, then show them.
  std::vector<explain::Story> stories;
  if (options.expression) stories.push_back(explain::tell(explain::expression));
  if (options.attention) stories.push_back(explain::tell(explain::attention_head));
  if (options.text) {
    for (const explain::Story& story : stories)
      fmt::print("{}{}", &story == stories.data() ? "" : "\n\n", explain::text(story));
  } else {
    page::write(options.output, explain::page_of(stories));
    fmt::print("{}\n", std::filesystem::absolute(options.output).string());
  }
}

}  // namespace

int main(int argc, char** argv) {
  return examples::program("explain", [&] { run(argc, argv); });
}
