// # A story as text, and as JSON for the page
#include "examples/explain/show.h"

#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "examples/explain/formulas.h"

namespace explain {

namespace assets {
extern const std::string_view explain_html, explain_css, explain_js;
}

namespace {

// The name that the program gives to a value; the name of the op if there is none.
std::string named(const Node& node) { return node.name.empty() ? node.op : node.name; }

// The formula's letters, with the names that they have here: "g ⊙ b" becomes "g ⊙ s".
std::string with_names(std::string_view formula, const Node& node, const Story& story) {
  std::string out;
  const auto is_letter = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; };
  for (std::size_t i = 0; i < formula.size(); ++i) {
    const bool alone = (i == 0 || !is_letter(formula[i - 1])) &&
                       (i + 1 == formula.size() || !is_letter(formula[i + 1]));
    const char c = alone ? formula[i] : ' ';
    if (c == 'a' || c == 'b')
      out += named(story.node(node.parents.at(c == 'a' ? 0 : 1)));
    else if (c == 'y')
      out += named(node);
    else
      out += formula[i];
  }
  // A matrix that is transposed twice is the matrix itself: aᵀᵀ becomes a.
  constexpr std::string_view twice = "ᵀᵀ";
  if (const auto at = out.find(twice); at != std::string::npos) out.erase(at, twice.size());
  return out;
}

}  // namespace

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

namespace {

using Json = nlohmann::json;

Json tensor_json(const Tensor& x) {
  // Six digits, as many as a float is sure of.
  std::vector<double> values;
  for (const glass::Real value : x.to_vector())
    values.push_back(std::stod(fmt::format("{:.6g}", value)));
  return {{"shape", std::vector<Index>(x.shape().begin(), x.shape().end())}, {"values", values}};
}

// The places that an arrow passes.
Json way_json(const std::vector<Point>& way) {
  Json points = Json::array();
  for (const Point& point : way) points.push_back({point.rank, point.place});
  return points;
}

// A node, and the formula of its op, with the letters and with the names of this story.
Json node_json(const Story& story, const Node& node) {
  Json out = {{"number", node.number},
              {"name", named(node)},
              {"op", node.op},
              {"code", node.code},
              {"isOp", node.is_op},
              {"wants", node.wants_gradient},
              {"parents", node.parents},
              {"uses", node.uses},
              {"rank", node.point.rank},
              {"place", node.point.place},
              {"value", tensor_json(node.value)}};
  // An op has a formula too; a leaf has none.
  if (!node.is_op) return out;
  const Formula& formula = formula_of(node.op);
  out["formula"] = {{"value", formula.value}, {"vjp", formula.vjp}, {"why", formula.why}};
  out["rules"] = Json::array();
  for (const std::string_view vjp : formula.vjp)
    out["rules"].push_back(with_names(vjp, node, story));
  return out;
}

// A step of the sweep, with what it gives to each parent.
Json act_json(const Act& act) {
  // The gifts first, then the rest of the step.
  Json gifts = Json::array();
  for (const Gift& gift : act.gifts)
    gifts.push_back({{"parent", gift.parent},
                     {"slot", gift.slot},
                     {"nth", gift.nth},
                     {"vjp", tensor_json(gift.vjp)},
                     {"gradient", tensor_json(gift.gradient)},
                     {"sum", tensor_json(gift.sum)}});
  return {{"node", act.node},  {"g", tensor_json(act.g)},    {"waiting", act.waiting},
          {"gifts", gifts},    {"allocated", act.allocated}, {"freed", act.freed},
          {"alive", act.alive}};
}

}  // namespace

std::string data_of(std::span<const Story> stories) {
  Json out = Json::array();
  for (const Story& story : stories) {
    // The graph, then the steps of the sweep.
    Json nodes, arrows, acts;
    for (const Node& node : story.nodes) nodes.push_back(node_json(story, node));
    for (const Arrow& arrow : story.arrows)
      arrows.push_back({{"from", arrow.from}, {"to", arrow.to}, {"way", way_json(arrow.way)}});
    for (const Act& act : story.acts) acts.push_back(act_json(act));
    out.push_back({{"id", story.id},
                   {"title", story.title},
                   {"lead", story.lead},
                   {"asks", story.asks},
                   {"seed", tensor_json(story.seed)},
                   {"alive", story.alive},
                   {"nodes", nodes},
                   {"arrows", arrows},
                   {"acts", acts}});
  }
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
