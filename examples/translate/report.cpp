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

// Neighbours are averaged until few enough are left. One that is not finite makes its mean so, too:
// a gap in the curve says where.
std::vector<TrainPoint> thinned(const std::vector<TrainPoint>& points) {
  constexpr std::size_t most = 600;
  const std::size_t group = points.size() / most + 1;
  std::vector<TrainPoint> out;
  for (std::size_t begin = 0; begin < points.size(); begin += group) {
    const std::size_t end = std::min(begin + group, points.size());
    TrainPoint mean = points[end - 1];
    mean.loss = 0;
    for (std::size_t i = begin; i < end; ++i)
      mean.loss += points[i].loss / static_cast<double>(end - begin);
    out.push_back(mean);
  }
  return out;
}

json history_json(const History& history) {
  json train = {{"step", json::array()}, {"loss", json::array()}, {"rate", json::array()}};
  for (const TrainPoint& p : thinned(history.train)) {
    train["step"].push_back(p.step);
    train["loss"].push_back(number(p.loss));
    train["rate"].push_back(number(p.rate));
  }
  json valid = {{"step", json::array()}, {"loss", json::array()}, {"score", json::array()}};
  for (const ValidPoint& p : history.valid) {
    valid["step"].push_back(p.step);
    valid["loss"].push_back(number(p.loss));
    valid["score"].push_back(p.score ? number(*p.score) : json(nullptr));
  }
  return {{"train", train}, {"valid", valid}, {"scoreName", history.score_name}};
}

// [L][H][T][S]
json weights_json(const Sample& sample) {
  if (!sample.weights) return nullptr;
  const glass::Tensor& w = *sample.weights;
  const Index targets = std::ssize(sample.target), sources = std::ssize(sample.source);
  check<ShapeError>(w.rank() == 4 && w.size(2) == targets && w.size(3) == sources,
                    "report: the weights of {} target and {} source tokens must be "
                    "[layers, heads, {}, {}]; got {}",
                    targets, sources, targets, sources, w.shape());
  json layers = json::array();
  for (Index l = 0; l < w.size(0); ++l) {
    json heads = json::array();
    for (Index h = 0; h < w.size(1); ++h) {
      json rows = json::array();
      for (Index t = 0; t < targets; ++t) {
        json row = json::array();
        for (Index s = 0; s < sources; ++s) {
          const auto weight = static_cast<double>(w(l, h, t, s));
          row.push_back(std::isfinite(weight) ? json(std::lround(weight * 1000)) : json(nullptr));
        }
        rows.push_back(std::move(row));
      }
      heads.push_back(std::move(rows));
    }
    layers.push_back(std::move(heads));
  }
  return layers;
}

}  // namespace

std::string report_json(const Report& report) {
  json samples = json::array();
  for (const Sample& s : report.samples)
    samples.push_back({{"sourceText", s.source_text},
                       {"targetText", s.target_text},
                       {"reference", s.reference},
                       {"right", s.right},
                       {"source", s.source},
                       {"target", s.target},
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
