// # What is said of a gradient
//
// (private to gradcheck) The findings of a witness, weighed: which of them are wrong, what that
// looks like, and the report for people.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "autograd/differences.h"
#include "autograd/gradcheck.h"

namespace glass {

// What the witness says of one element.
struct Finding : Differences::Slope {
  explicit Finding(std::size_t i = 0, double claim = 0, double off = 0)
      : element(i), analytic(claim), moved(off) {}
  std::size_t element;
  double analytic;  // by the sweep; low and high are the witness's
  double moved;     // the element stood this far off, beside a kink

  double numeric() const { return is_kink() ? std::clamp(analytic, low, high) : low; }
  double distance() const {
    const double distance = std::abs(analytic - numeric());
    return std::isfinite(distance) ? distance : std::numeric_limits<double>::infinity();
  }
};

// Where all claims are the same multiple of what numeric(i) says: that multiple; else NaN.
template <class Numeric>
double common_ratio(const std::vector<Finding>& all, double scale, Numeric numeric) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  double ratio = nan;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (std::abs(numeric(i)) == scale) ratio = all[i].analytic / numeric(i);
  for (std::size_t i = 0; i < all.size(); ++i)
    if (std::abs(all[i].analytic - ratio * numeric(i)) > 1e-5 * std::abs(ratio) * scale) return nan;
  return ratio;
}

// What such numbers come from as a rule; `all` holds one finding an element.
inline std::string diagnosis(const std::vector<Finding>& all, const Finding& worst, double scale,
                             const Shape& shape) {
  if (!std::isfinite(worst.analytic)) return "the gradient is not a finite number";
  if (!std::isfinite(worst.numeric())) return "f is not finite to both sides";
  if (std::ranges::all_of(
          all, [](double claim) { return claim == 0; }, &Finding::analytic))
    return "the gradient is zero: not recorded, or detached?";
  if (scale == 0) return "f does not feel it: was a part of f computed before the call?";

  const double ratio = common_ratio(all, scale, [&](std::size_t i) { return all[i].numeric(); });
  if (std::abs(ratio + 1) < 1e-5) return "every entry has the wrong sign";
  if (ratio == ratio)
    return fmt::format("every entry is {:.6g} times the numeric one: a factor, or a lost use?",
                       ratio);
  const bool square = shape.rank() >= 2 && shape[-1] == shape[-2] && shape[-1] > 1;
  const auto n = static_cast<std::size_t>(square ? shape[-1] : 1);
  const auto mirrored = [&](std::size_t i) {
    return all[i / (n * n) * (n * n) + i % n * n + i / n % n].numeric();
  };
  // The same numbers, with the last two axes exchanged?
  if (square && std::abs(common_ratio(all, scale, mirrored) - 1) < 1e-5) return "it is transposed";
  return worst.error > 1e-6 * scale ? "the differences do not settle: is f smooth?" : "";
}

// "w [2, 1]: analytic 3, numeric 2, relative error 0.33"
inline std::string describe(const std::string& name, const Shape& shape, const Finding& finding) {
  Shape index = shape;
  auto rest = static_cast<Index>(finding.element);
  for (Index axis = index.rank(); axis-- > 0; rest /= shape[axis])
    index = index.with(axis, rest % shape[axis]);
  return fmt::format(
      "  {} {}{}: analytic {:.10g}, numeric {:.10g}{}, relative error {:.2g}\n", name, index,
      finding.moved == 0 ? "" : fmt::format(" moved {:+.2g} off a kink", finding.moved),
      finding.analytic, finding.low,
      finding.is_kink() ? fmt::format(" … {:.10g}", finding.high) : "",
      finding.distance() / std::max(std::abs(finding.numeric()), std::abs(finding.analytic)));
}

// All variables, judged one after the other.
struct Judge {
  double rtol;        // of what has not settled
  double tolerance;   // share of the variable's largest gradient
  double least_unit;  // of which smaller gradients, too, are judged as a share
  GradcheckReport report{true, 0, {}};
  std::vector<std::pair<double, std::string>> worst = {};  // share of the largest gradient, line
  std::string names = {}, reasons = {}, notes = {};
  std::size_t elements = 0, kinks = 0;

  // `jitter`: how far the sweep's own rounding may excuse it.
  void hear(const std::string& name, const Shape& shape, const std::vector<Finding>& findings,
            double jitter) {
    double scale = 0, claimed = 0, hidden = 0;
    for (const Finding& f : findings) {
      const double slope = std::max(std::abs(f.low), std::abs(f.high));
      if (std::isfinite(slope)) scale = std::max(scale, slope);
      claimed = std::max(claimed, std::abs(f.analytic));
    }
    // Errors are shares of the variable's largest gradient.
    const double unit = std::max(least_unit, scale > 0 ? scale : claimed > 0 ? claimed : 1);

    std::vector<Finding> all, wrong;
    for (const Finding& f : findings) {
      // What has not settled may excuse as much as rtol of the slopes that were met, no more.
      const double unsettled = std::min(f.error, rtol * std::max(scale, f.reach));
      const double doubt = 4 * f.noise + unsettled + 16 * jitter;
      if (!(f.distance() <= tolerance * std::max(scale, least_unit) + doubt)) wrong.push_back(f);
      if (f.moved == 0) all.push_back(f);
      kinks += f.is_kink() && f.moved == 0;
      if (!f.is_kink() && std::isfinite(doubt)) hidden = std::max(hidden, doubt);
      report.worst_error = std::max(report.worst_error, (f.distance() - doubt) / unit);
    }
    // What may be said of a variable that passes, and then of one that fails.
    elements += all.size();
    names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
    if (hidden > 1e-5 * scale)
      notes += fmt::format("{}: rounding hides errors up to {:.1g}, of gradients up to {:.2g}\n",
                           name, hidden, scale);
    if (wrong.empty()) return;

    report.ok = false;
    std::ranges::stable_sort(wrong, std::greater<>(), &Finding::distance);
    for (const Finding& f : wrong)
      worst.emplace_back(f.distance() / unit, describe(name, shape, f));
    reasons += fmt::format("{} {}: {} of {} comparisons fail. {}\n", name, shape, wrong.size(),
                           findings.size(), diagnosis(all, wrong[0], scale, shape));
  }

  GradcheckReport conclude() {
    report.text = fmt::format(
        "gradcheck {}: elements {}, kinks {}, variables ({}), worst error {:.2g}\n{}",
        report.ok ? "passed" : "FAILED", elements, kinks, names, report.worst_error, reasons);
    // The worst five of all variables together, each as a share of its own gradient.
    std::ranges::stable_sort(worst, std::greater<>(), &std::pair<double, std::string>::first);
    worst.resize(std::min<std::size_t>(worst.size(), 5));
    for (const auto& [share, line] : worst) report.text += line;
    report.text += notes;
    return report;
  }
};

}  // namespace glass
