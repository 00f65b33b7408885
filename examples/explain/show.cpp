// # A story as text, and as a page
#include "examples/explain/show.h"

#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "examples/explain/data.h"
#include "examples/explain/formulas.h"

namespace explain {

namespace assets {
extern const std::string_view explain_html, explain_css, explain_js;
}

// ---- in the terminal ----

namespace {

// A matrix in lines of its own, behind a heading that takes the first 16 columns.
std::string block(std::string_view heading, const Tensor& x) {
  std::string out;
  const std::string numbers = fmt::format("{:.4f}", x);
  for (std::size_t at = 0, end = 0; at < numbers.size(); at = end + 1) {
    end = std::min(numbers.find('\n', at), numbers.size());
    out += fmt::format("  {:<16}{}\n", at == 0 ? heading : "", numbers.substr(at, end - at));
  }
  return out;
}

// One step of the sweep, as text.
std::string told(const Story& story, const Act& act, std::size_t number) {
  // The node, and why it is next.
  const Node& node = story.node(act.node);
  const Formula& formula = formula_of(node.op);
  std::string out = fmt::format("\n{} of {}   #{} {}   {}\n", number, story.acts.size(),
                                node.number, node.op, node.code);
  std::string others;
  for (const int other : act.waiting)
    others += fmt::format("{}#{} {}", others.empty() ? "" : ", ", other, named(story.node(other)));
  out += fmt::format("  {:<16}{}\n", "why this",
                     others.empty() ? "nothing else waits"
                                    : fmt::format("newer than what else waits: {}", others));
  // What arrives, and the rule.
  out += block(fmt::format("g = ∂{}/∂{}", story.asks, named(node)), act.g);
  out += fmt::format("  {:<16}y = {}\n", "rule", formula.value);
  // What it gives to each parent, and what that parent has so far.
  for (const Gift& gift : act.gifts) {
    const Node& parent = story.node(gift.parent);
    out += fmt::format("  {:<16}{}{}\n", fmt::format("gives to {}", named(parent)),
                       with_names(formula.vjp.at(gift.slot), node, story),
                       gift.vjp.shape() == gift.gradient.shape()
                           ? ""
                           : fmt::format(", a gradient of {}, summed to {}", gift.vjp.shape(),
                                         gift.gradient.shape()));
    out += block("", gift.gradient);
    if (gift.nth > 1) out += block(fmt::format("  {} in all", gift.nth), gift.sum);
  }
  return out + fmt::format("  {:<16}{} taken, {} freed: {} alive\n", "bytes", act.allocated,
                           act.freed, act.alive);
}

// The graph as it is before the sweep: a line for each node.
std::string nodes_told(const Story& story) {
  std::string out;
  for (const Node& node : story.nodes)
    out += fmt::format("  #{:<3} {:<28} {}\n", node.number,
                       node.is_op ? node.code : fmt::format("{}: {}", named(node), node.code),
                       node.value.shape());
  return out;
}

// The last gradient that the sweep gave to a node; none if it gave none.
const Gift* last_gift(const Story& story, int node) {
  const Gift* last = nullptr;
  for (const Act& act : story.acts)
    for (const Gift& gift : act.gifts)
      if (gift.parent == node) last = &gift;
  return last;
}

// The sum of all that each leaf was given.
std::string leaves_told(const Story& story) {
  std::string out;
  for (const Node& node : story.nodes) {
    if (node.is_op) continue;
    if (const Gift* last = last_gift(story, node.number)) out += block(named(node), last->sum);
  }
  return out;
}

}  // namespace

std::string text(const Story& story) {
  std::string out = fmt::format("{}\n\n{}\n\n", story.title, story.lead);
  out += nodes_told(story);
  out += fmt::format("\n{} bytes are alive. The sweep takes the newest node first.\n", story.alive);
  for (std::size_t i = 0; i < story.acts.size(); ++i) out += told(story, story.acts[i], i + 1);
  out += "\nNothing waits any more. Now the leaves are given their gradients:\n";
  out += leaves_told(story);
  return out;
}

// ---- for the page ----

std::string data_of(std::span<const Story> stories) {
  nlohmann::json out = nlohmann::json::array();
  for (const Story& story : stories) out.push_back(json_of(story));
  return out.dump();
}

page::Page page_of(std::span<const Story> stories) {
  return {.title = "How a gradient flows",
          .body = assets::explain_html,
          .style = assets::explain_css,
          .script = assets::explain_js,
          .data = data_of(stories)};
}

}  // namespace explain
