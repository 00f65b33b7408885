// # The report as JSON, and as a page
#include "examples/translate/report.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "examples/page/page.h"

namespace translate {

namespace assets {
extern const std::string_view report_html, report_css, report_js;
}

namespace {

using glass::check;
using glass::ShapeError;
using nlohmann::json;

// Five digits are more than a curve shows, and half as many bytes. NaN and infinity become null.
json number(double value) {
  if (!std::isfinite(value)) return nullptr;
  return std::stod(fmt::format("{:.5g}", value));
}

// At most some 600 points: neighbours are replaced by their mean. A loss that is not finite makes
// its mean not finite, too, and the curve has a gap there.
std::vector<TrainPoint> thinned(const std::vector<TrainPoint>& points) {
  constexpr std::size_t most = 600;
  const std::size_t group = points.size() / most + 1;
  std::vector<TrainPoint> out;
  for (std::size_t begin = 0; begin < points.size(); begin += group) {
    // The mean of one group, at the step and the rate of its last point.
    const std::size_t end = std::min(begin + group, points.size());
    TrainPoint mean = points[end - 1];
    mean.loss = 0;
    for (std::size_t i = begin; i < end; ++i)
      mean.loss += points[i].loss / static_cast<double>(end - begin);
    out.push_back(mean);
  }
  return out;
}

// The two curves, each as one array for each of its numbers.
json history_json(const History& history) {
  json train = {{"step", json::array()}, {"loss", json::array()}, {"rate", json::array()}};
  for (const TrainPoint& p : thinned(history.train)) {
    train["step"].push_back(p.step);
    train["loss"].push_back(number(p.loss));
    train["rate"].push_back(number(p.rate));
  }
  // The same for the validations, with their scores.
  json valid = {{"step", json::array()}, {"loss", json::array()}, {"score", json::array()}};
  for (const ValidPoint& p : history.valid) {
    valid["step"].push_back(p.step);
    valid["loss"].push_back(number(p.loss));
    valid["score"].push_back(p.score ? number(*p.score) : json(nullptr));
  }
  return {{"train", train}, {"valid", valid}, {"scoreName", history.score_name}};
}

// One row of the attention of layer l, head h and target token t: an array of thousandths, one for
// each source token. NaN and infinity become null.
json row_json(const glass::Tensor& weights, Index l, Index h, Index t) {
  json row = json::array();
  for (Index s = 0; s < weights.size(3); ++s) {
    const auto weight = static_cast<double>(weights(l, h, t, s));
    row.push_back(std::isfinite(weight) ? json(std::lround(weight * 1000)) : json(nullptr));
  }
  return row;
}

// The attention of one layer and head: an array of rows, one for each target token.
json head_json(const glass::Tensor& weights, Index l, Index h) {
  json rows = json::array();
  for (Index t = 0; t < weights.size(2); ++t) rows.push_back(row_json(weights, l, h, t));
  return rows;
}

// All weights, as arrays [L][H][T][S]; null if the sample has none.
json weights_json(const Sample& sample) {
  if (!sample.weights) return nullptr;
  const glass::Tensor& w = *sample.weights;
  const Index targets = std::ssize(sample.target), sources = std::ssize(sample.source);
  check<ShapeError>(w.rank() == 4 && w.size(2) == targets && w.size(3) == sources,
                    "report: the weights of {} target and {} source tokens must be "
                    "[layers, heads, {}, {}]; got {}",
                    targets, sources, targets, sources, w.shape());
  // One array for each layer, in it one for each head.
  json layers = json::array();
  for (Index l = 0; l < w.size(0); ++l) {
    json heads = json::array();
    for (Index h = 0; h < w.size(1); ++h) heads.push_back(head_json(w, l, h));
    layers.push_back(std::move(heads));
  }
  return layers;
}

// Words as [text, how many tokens]; null where the tokens are words already.
json words_json(const std::vector<Word>& words) {
  if (words.empty()) return nullptr;
  json all = json::array();
  for (const auto& [text, count] : words) all.push_back({text, count});
  return all;
}

}  // namespace

// ---- the whole report ----

std::string report_json(const Report& report) {
  // The samples, then the facts, then all of it.
  json samples = json::array();
  for (const Sample& s : report.samples)
    samples.push_back({{"sourceText", s.source_text},
                       {"targetText", s.target_text},
                       {"reference", s.reference},
                       {"right", s.right},
                       {"source", s.source},
                       {"target", s.target},
                       {"sourceWords", words_json(s.source_words)},
                       {"targetWords", words_json(s.target_words)},
                       {"weights", weights_json(s)}});
  json facts = json::array();
  for (const auto& [name, value] : report.facts) facts.push_back({name, value});
  const json all = {{"title", report.title},
                    {"lead", report.lead},
                    {"facts", facts},
                    {"history", history_json(report.history)},
                    {"samples", samples}};
  return all.dump(-1, ' ', false, json::error_handler_t::replace);
}

void write_report(const std::filesystem::path& path, const Report& report) {
  page::write(path, {.title = report.title,
                     .body = assets::report_html,
                     .style = assets::report_css,
                     .script = assets::report_js,
                     .data = report_json(report)});
}

}  // namespace translate
