// # The command line of explain
#include "examples/explain/options.h"

#include <CLI/CLI.hpp>

#include "examples/common/options.h"

namespace explain {

Options parse_options(int argc, char** argv) {
  Options o;
  CLI::App app(
      "Shows how a gradient flows: a page that steps through the reverse sweep of a small graph, "
      "node by node, with every number.\n\n"
      "  explain                                an expression and an attention head, in "
      "explain.html\n"
      "  explain --attention --output head.html\n"
      "  explain --expression --text            the same steps in the terminal\n\n"
      "The page is one file and needs no network. What it shows is recorded from a real sweep.");
  // The options. Without --expression and --attention, both computations are shown.
  bool expression = false, attention = false;
  app.add_flag("--expression", expression,
               "Only the small expression: a gate, a broadcast, values used twice");
  app.add_flag("--attention", attention,
               "Only the attention head: scores, scale, softmax, product");
  auto* text = app.add_flag("--text", o.text, "Print the steps; write no page");
  app.add_option("--output", o.output, "Where to write the page")
      ->type_name("FILE")
      ->capture_default_str()
      ->excludes(text);
  examples::parse(app, argc, argv);
  o.expression = expression || !attention;
  o.attention = attention || !expression;
  return o;
}

}  // namespace explain
