// # The verdict on a gradient
//
// (private to gradcheck) Judges the findings of a witness: which claims of the reverse sweep are
// wrong, which mistake that looks like, and the report for people. It computes no derivative.
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
  double analytic;   // by the sweep; low and high are the witness's
  double moved;      // how far the element was moved off, beside a kink or a jump; 0 elsewhere
  double jump = 0;   // how far f jumps here; not 0: there is no derivative
  double doubt = 0;  // the largest error that rounding could hide

  double numeric() const { return is_kink() ? std::clamp(analytic, low, high) : low; }
  double distance() const {
    if (jump > 0 && std::isfinite(analytic)) return 0;
    const double distance = std::abs(analytic - numeric());
    return std::isfinite(distance) ? distance : std::numeric_limits<double>::infinity();
  }
  double slope() const {
    const double slope = std::max(std::abs(low), std::abs(high));
    return jump == 0 && std::isfinite(slope) ? slope : 0;
  }
};

// ---- the usual mistakes ----

// Whether every claim is `ratio` times numeric(i), and not by chance: most claims differ from
// numeric(i) itself by more than their doubt.
template <class Numeric>
bool all_are(double ratio, const std::vector<Finding>& all, Numeric numeric) {
  std::size_t told = 0, count = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const double y = numeric(i), apart = std::abs((ratio - 1) * y);
    if (all[i].jump > 0) continue;
    const double rounding = std::min(0.1 * apart, 1e-6 * std::abs(y));
    if (!(std::abs(all[i].analytic - ratio * y) <= all[i].doubt + rounding)) return false;
    count += y != 0;
    told += apart > 2 * all[i].doubt;
  }
  return count > 0 && 2 * told >= count;
}

// A factor that is not 1, with as many digits as it takes to tell it from 1.
inline std::string show_ratio(double ratio) {
  const double behind = std::ceil(-std::log10(std::abs(ratio - 1)));
  return fmt::format("{:.{}g}", ratio, std::clamp(static_cast<int>(behind) + 2, 6, 16));
}

constexpr const char* tie =
    "A little to both sides the gradient is right: some op has a tie here (relu or abs of 0, equal "
    "operands of maximum), and the slopes that ops choose at ties do not make that of f. Move the "
    "element off the tie.";

// Whether the claims are the right numbers with the last two axes exchanged. A claim may be off by
// its doubt, and by a millionth of the largest gradient.
inline bool is_transposed(const std::vector<Finding>& all, double scale, const Shape& shape) {
  if (shape.rank() < 2 || shape[-1] != shape[-2] || shape[-1] <= 1) return false;
  const auto n = static_cast<std::size_t>(shape[-1]);
  return std::ranges::all_of(all, [&](const Finding& f) {
    const std::size_t matrix = f.element / (n * n), row = f.element / n % n, column = f.element % n;
    const double mirrored = all[matrix * n * n + column * n + row].numeric();
    return std::abs(f.analytic - mirrored) <= f.doubt + 1e-6 * scale;
  });
}

// The mistake that makes all entries wrong in the same way; or "".
inline std::string common_mistake(const std::vector<Finding>& all, double scale,
                                  const Shape& shape) {
  const auto numeric = [&](std::size_t i) { return all[i].numeric(); };
  const auto largest = std::ranges::max_element(all, {}, &Finding::slope);
  const double ratio = largest->analytic / largest->numeric();
  if (all_are(-1, all, numeric)) return "every entry has the wrong sign";
  if (all_are(ratio, all, numeric))
    return fmt::format("every entry is {} times the numeric one: a factor, or a lost use?",
                       show_ratio(ratio));
  return is_transposed(all, scale, shape) ? "it is transposed" : "";
}

// The mistake that such numbers usually come from; or "". `all` holds one finding per element.
inline std::string diagnosis(const std::vector<Finding>& all, const Finding& worst, double scale,
                             const Shape& shape) {
  if (!std::isfinite(worst.analytic)) return "the gradient is not a finite number";
  if (!std::isfinite(worst.numeric())) return "f is not finite to both sides";
  if (std::ranges::all_of(
          all, [](double claim) { return claim == 0; }, &Finding::analytic))
    return "the gradient is zero: not recorded, or detached?";
  if (scale == 0) return "f does not feel it: was a part of f computed before the call?";

  const std::string mistake = common_mistake(all, scale, shape);
  if (!mistake.empty()) return mistake;
  return worst.error > 1e-6 * scale ? "the differences do not settle: is f smooth?" : "";
}

// "w [2, 1]", one element.
inline std::string place(const std::string& name, const Shape& shape, const Finding& finding) {
  Shape index = shape;
  auto rest = static_cast<Index>(finding.element);
  for (Index axis = index.rank(); axis-- > 0; rest /= shape[axis])
    index = index.with(axis, rest % shape[axis]);
  return fmt::format("{} {}{}", name, index,
                     finding.moved == 0 ? "" : fmt::format(" moved {:+.2g} off", finding.moved));
}

// "w [2, 1]: analytic 3, numeric 2, relative error 0.33"
inline std::string describe(const std::string& name, const Shape& shape, const Finding& finding) {
  const double larger = std::max(std::abs(finding.numeric()), std::abs(finding.analytic));
  const bool finite = std::isfinite(finding.distance());
  const double error = finite ? finding.distance() / larger : finding.distance();
  const int digits = error > 1e-9 ? 10 : 17;  // so that the two numbers look different
  return fmt::format("  {}: analytic {:.{}g}, numeric {:.{}g}{}, relative error {:.2g}\n",
                     place(name, shape, finding), finding.analytic, digits, finding.low, digits,
                     finding.is_kink() ? fmt::format(" … {:.{}g}", finding.high, digits) : "",
                     error);
}

// ---- the judgement ----

// What the witness found out about one variable.
struct Evidence {
  std::string name;
  Shape shape;
  std::vector<Finding> findings;
  bool reached = true;  // by f's graph
  bool tied = false;    // the worst claim is wrong at this point, and right beside it
  double around = 0;    // how steep f is elsewhere: here it may be flat, as at a minimum
  double jitter = 0;    // how far the sweep's own rounding moves the gradient; measured only where
                        // the gradient is hardly larger than the rounding

  // Its largest gradient: by the witness, and by the sweep.
  double scale() const {
    double scale = 0;
    for (const Finding& f : findings) scale = std::max(scale, f.slope());
    return scale;
  }
  double claimed() const {
    double claimed = 0;
    for (const Finding& f : findings)
      if (std::isfinite(f.analytic)) claimed = std::max(claimed, std::abs(f.analytic));
    return claimed;
  }
  // Whether the sweep claims only zeros, or numbers so small that they may be rounded zeros.
  bool is_zero() const { return claimed() <= 16 * jitter; }
};

// Judges all variables, one after the other.
struct Judge {
  double rtol;       // how much of a slope an unsettled estimate may excuse
  double tolerance;  // what an error may be, as a share of the variable's largest gradient
  double largest;    // gradient of all variables; measures a variable whose gradient is zero
  GradcheckReport report = {};
  std::vector<std::pair<double, std::string>> worst = {};  // share of the largest gradient, line
  std::string names = {}, reasons = {}, notes = {};
  std::size_t elements = 0, kinks = 0;
  bool failed = false, inconclusive = false;

  // Judges the next variable by the evidence about it.
  void hear(Evidence v) {
    const double scale = v.scale(), claimed = v.claimed();
    for (Finding& f : v.findings) {
      // An estimate that has not settled excuses errors up to rtol of the slopes that were seen.
      const double unsettled = std::min(f.error, rtol * std::max(scale, f.reach));
      f.doubt = 4 * f.noise + unsettled + (v.is_zero() ? 16 * v.jitter : 0);
      kinks += f.is_kink() && f.moved == 0 && f.jump == 0;
      elements += f.moved == 0;
    }
    names += fmt::format("{}{}", names.empty() ? "" : ", ", v.name);
    // Errors are shares of the variable's largest gradient.
    const double unit = scale > 0 ? scale : claimed > 0 ? claimed : 1;
    compare(v, scale, unit);
    const double reference = std::max(v.around, v.is_zero() ? largest : std::max(scale, claimed));
    weigh_doubt(v, reference);
    if (!v.reached) {
      fail(
          fmt::format("{} {}: f does not reach it: nothing that f computes its result from is this "
                      "leaf. Does f hold a copy of it (a model captured by value)?\n",
                      v.name, v.shape));
      report.worst_error = std::numeric_limits<double>::infinity();
    }
  }

  // A fault of several variables together.
  void hear(const std::string& fault) {
    fail(fault + "\n");
    report.worst_error = std::numeric_limits<double>::infinity();
  }

  GradcheckReport conclude() {
    report.ok = !failed && !inconclusive;
    report.text =
        fmt::format("gradcheck {}: elements {}, kinks {}, variables ({}), worst error {:.2g}\n{}",
                    failed         ? "FAILED"
                    : inconclusive ? "inconclusive"
                                   : "passed",
                    elements, kinks, names, report.worst_error, reasons);
    // The worst five of all variables together, each as a share of its own gradient.
    std::ranges::stable_sort(worst, std::greater<>(), &std::pair<double, std::string>::first);
    worst.resize(std::min<std::size_t>(worst.size(), 5));
    for (const auto& [share, line] : worst) report.text += line;
    report.text += notes;
    return report;
  }

 private:
  void fail(const std::string& reason) {
    failed = true;
    reasons += reason;
  }

  void compare(const Evidence& v, double scale, double unit) {
    std::vector<Finding> all, wrong;
    for (const Finding& f : v.findings) {
      const double off = f.distance(), excess = off - f.doubt;
      const bool right = off <= tolerance * scale + f.doubt;
      if (!right || !std::isfinite(off)) wrong.push_back(f);
      if (f.moved == 0) all.push_back(f);
      report.worst_error = std::max(report.worst_error, std::isfinite(off) ? excess / unit : off);
    }
    // The comparisons that fail, the worst first, and what mistake they look like.
    if (wrong.empty()) return;
    std::ranges::stable_sort(wrong, std::greater<>(), &Finding::distance);
    for (const Finding& f : wrong)
      worst.emplace_back(f.distance() / unit, describe(v.name, v.shape, f));
    fail(fmt::format("{} {}: {} of {} comparisons fail. {}\n", v.name, v.shape, wrong.size(),
                     v.findings.size(), v.tied ? tie : diagnosis(all, wrong[0], scale, v.shape)));
  }

  // Doubt beyond 1e-5 of the gradients is reported. Beyond 1e-3 the check is inconclusive.
  void weigh_doubt(const Evidence& v, double reference) {
    double hidden = 0;
    for (const Finding& f : v.findings) {
      if (!std::isfinite(f.distance())) continue;  // it has failed
      if (f.jump == 0) hidden = std::max(hidden, f.doubt);
      if (f.jump == 0 || f.moved != 0) continue;
      inconclusive = true;
      report.worst_error = std::numeric_limits<double>::infinity();
      reasons += fmt::format(
          "{}: inconclusive: f jumps by {:.2g} here, so there is no derivative. Move the element "
          "off "
          "the jump.\n",
          place(v.name, v.shape, f), f.jump);
    }
    // Rounding hides errors of up to `hidden`: too much, worth a note, or not worth one.
    const std::string amount = fmt::format(
        "rounding hides errors up to {:.1g}, of gradients up to "
        "{:.2g}",
        hidden, reference);
    if (hidden > 1e-3 * reference) {
      inconclusive = true;
      report.worst_error = std::max(report.worst_error, hidden / reference);
      reasons += fmt::format(
          "{} {}: inconclusive: {}. Take large constants off what f returns, and off what it "
          "computes on the way{}.\n",
          v.name, v.shape, amount,
          std::is_same_v<Real, double> ? ", or check with glassgrad::dual" : "");
    } else if (hidden > 1e-5 * reference) {
      notes += fmt::format("{}: {}\n", v.name, amount);
    }
  }
};

}  // namespace glass
