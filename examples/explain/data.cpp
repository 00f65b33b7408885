// # A story as JSON
#include "examples/explain/data.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "examples/explain/formulas.h"

namespace explain {

using Json = nlohmann::json;

std::string named(const Node& node) { return node.name.empty() ? node.op : node.name; }

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

namespace {

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

Json json_of(const Story& story) {
  // The graph, then the steps of the sweep.
  Json nodes, arrows, acts;
  for (const Node& node : story.nodes) nodes.push_back(node_json(story, node));
  for (const Arrow& arrow : story.arrows)
    arrows.push_back({{"from", arrow.from}, {"to", arrow.to}, {"way", way_json(arrow.way)}});
  for (const Act& act : story.acts) acts.push_back(act_json(act));
  return {{"id", story.id},
          {"title", story.title},
          {"lead", story.lead},
          {"asks", story.asks},
          {"seed", tensor_json(story.seed)},
          {"alive", story.alive},
          {"nodes", nodes},
          {"arrows", arrows},
          {"acts", acts}};
}

}  // namespace explain
