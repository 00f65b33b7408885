// # The certificate as JSON, and as a page
#include "examples/04_certificate/page_data.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "examples/04_certificate/show.h"

namespace certificate {

namespace assets {
extern const std::string_view certificate_html, certificate_css, certificate_js;
}

namespace {

using Json = nlohmann::json;

// How many bits an end of an interval has.
#ifdef GLASS_WIDE_ENDS
constexpr int end_bits = 192;
#else
constexpr int end_bits = 53;
#endif

Json number(double x) { return std::isfinite(x) ? Json(x) : Json(nullptr); }

// Digits, and what they are digits of.
Json json_of(const Digits& d) {
  return {{"worst", d.worst}, {"median", d.median}, {"count", d.count}, {"bins", d.histogram}};
}

Json json_of(const FloatDigits& d) {
  return {{"own", json_of(d.own)},
          {"largest", json_of(d.largest)},
          {"stray", number(d.stray)},
          {"notFinite", d.not_finite}};
}

Json json_of(const Summary& s) {
  return {{"name", s.name},
          {"shape", s.shape},
          {"entries", s.entries},
          {"zeros", s.zeros},
          {"noSign", s.no_sign},
          {"unbounded", s.unbounded},
          {"widest", number(s.widest)},
          {"bound", number(s.bound)},
          {"fused", json_of(s.fused)},
          {"plain", json_of(s.plain)}};
}

// An interval, with float's number where there is one.
Json json_of(const Interval& x) {
  return {{"below", number(x.below())}, {"above", number(x.above())}, {"width", number(x.width())}};
}

Json json_of(const Example& e) {
  if (e.name.empty()) return nullptr;
  return {{"name", e.name},
          {"entry", e.entry},
          {"truth", digits_text(e.enclosure)},
          {"enclosure", json_of(e.enclosure)},
          {"number", number(e.number)},
          {"digits", e.digits}};
}

// An entry that forward mode enclosed as well.
Json json_of(const EntryCheck& e) {
  return {{"name", e.name},
          {"entry", e.entry},
          {"truth", digits_text(e.meeting.forward)},
          {"forward", json_of(e.meeting.forward)},
          {"sweep", json_of(e.meeting.sweep)},
          {"disjoint", e.meeting.are_disjoint()},
          {"number", number(e.number)},
          {"digits", e.has_digits ? number(e.digits) : Json(nullptr)}};
}

Json json_of(const Directions& d) {
  Json meetings = Json::array();
  for (const Meeting& m : d.done)
    meetings.push_back({{"forward", json_of(m.forward)},
                        {"sweep", json_of(m.sweep)},
                        {"disjoint", m.are_disjoint()}});
  return {{"asked", d.asked}, {"disjoint", d.disjoint}, {"done", meetings}};
}

// One state of the model: its lists, then all of it.
Json json_of(const Result& r) {
  Json parameters = Json::array(), entries = Json::array();
  for (const Summary& s : r.comparison.parameters) parameters.push_back(json_of(s));
  for (const EntryCheck& e : r.entries) entries.push_back(json_of(e));
  const bool enclosed = r.undecided.empty() && !r.refuted();
  return {{"label", r.question.label},
          {"verdict", verdict_text(r)},
          {"enclosed", enclosed},
          {"loss", json_of(r.loss)},
          {"lossText", digits_text(r.loss)},
          {"fusedLoss", number(r.fused_loss)},
          {"plainLoss", number(r.plain_loss)},
          {"all", json_of(r.comparison.all)},
          {"parameters", parameters},
          {"middle", json_of(r.comparison.middle)},
          {"worst", json_of(r.comparison.worst)},
          {"directions", json_of(r.directions)},
          {"entries", entries}};
}

}  // namespace

std::string data_of(std::span<const Result> results) {
  Json states = Json::array();
  for (const Result& r : results) states.push_back(json_of(r));
  const Json all = {{"model", results.empty() ? "" : model_text(results.front())},
                    {"batch", results.empty() ? "" : batch_text(results.front().question)},
                    {"pairs", results.empty() ? "" : results.front().question.pairs},
                    {"bits", end_bits},
                    {"states", states}};
  return all.dump(-1, ' ', false, Json::error_handler_t::replace);
}

page::Page page_of(std::span<const Result> results) {
  return {.title = "Float’s true digits",
          .body = assets::certificate_html,
          .style = assets::certificate_css,
          .script = assets::certificate_js,
          .data = data_of(results)};
}

}  // namespace certificate
