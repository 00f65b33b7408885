// # The verdict on enclosures of a gradient
//
// (private to gradcheck of the certified libraries) What is known of each element, as intervals,
// and the judge: which claims of the sweep are refuted, which are enclosed and how narrowly, and
// the report for people. It computes no derivative.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "autograd/gradcheck.h"
#include "autograd/nearby.h"
#include "autograd/verdict.h"

namespace glass {

// ---- what is known of one element ----

struct Entry {
  std::size_t element;
  double moved = 0;  // how far the element was moved off, beside a kink or a jump
  // By forward mode: the slopes to the left and to the right. Away from kinks they are equal.
  Interval left = {}, right = {};
  // By the sweep, for two seeds. Scaling the seed by −2 is exact, so the gradient must scale too.
  Interval claim = {}, other = {};
  std::string doubt = {};  // why nothing can be said of this element; or ""

  bool is_kink() const { return disjoint(left, right); }
  // The slopes that are right: the true one, or all between two true ones at a kink.
  Interval forward() const { return hull(left, right); }
  // A claim that is no number: a VJP computed 0 ÷ 0, say. No slope can be that.
  bool is_no_number() const { return isnan(claim) || isnan(other); }
  bool is_refuted() const {
    return doubt.empty() &&
           (is_no_number() || disjoint(claim, forward()) || disjoint(other, forward()));
  }
  bool is_decided() const { return doubt.empty() && !is_refuted(); }
  // The claim that is reported.
  Interval worse() const {
    if (is_no_number()) return isnan(claim) ? claim : other;
    return disjoint(other, forward()) && !disjoint(claim, forward()) ? other : claim;
  }
  // How far the worse claim is from every right slope.
  double distance() const {
    return is_no_number() ? std::numeric_limits<double>::infinity() : gap(worse(), forward());
  }
  double width() const {
    return std::max({left.width(), right.width(), claim.width(), other.width()});
  }
};

// How far the sweep's gradient may be from the nearest right one. The sweep's gradient is the
// midpoint of what it claims. At a kink every slope between the two sides is right.
inline double proved_error(const Entry& e) {
  const double g = static_cast<double>(e.claim);
  if (!e.is_kink()) return largest(e.forward() - Interval(g));
  const Interval low = e.left.below() < e.right.below() ? e.left : e.right;
  const Interval high = e.left.below() < e.right.below() ? e.right : e.left;
  return std::max({0.0, (low - Interval(g)).above(), (Interval(g) - high).above()});
}

// What is known of all elements of a leaf, and of the elements at a kink also beside it.
struct Enclosures {
  std::string name;
  Shape shape;
  bool reached;
  std::vector<Entry> entries = {};
};

// ---- the judge ----

class EnclosureJudge {
 public:
  EnclosureJudge(double rtol, double unit) : rtol_(rtol), unit_of_all_(unit) {}

  void hear(const Enclosures& leaf, double own_unit) {
    names_ += fmt::format("{}{}", names_.empty() ? "" : ", ", leaf.name);
    const double unit = own_unit > 0 ? own_unit : unit_of_all_;
    if (!leaf.reached)
      refute(
          fmt::format("{} {}: f does not reach it: nothing that f computes its result from is this "
                      "leaf. Does f hold a copy of it (a model captured by value)?\n",
                      leaf.name, leaf.shape));
    const auto [widest, most] = count(leaf, unit);
    // Without a gradient that is surely not 0, no error can be called small. Exact zeros are right.
    if (unit == 0 && most > 0)
      doubt(fmt::format(
          "{} {}: undecided: there is no scale: the enclosures of all gradients, here up "
          "to {:.2g}, hold 0, so a wrong gradient could be as large as a right one.\n",
          leaf.name, leaf.shape, most));
    list_refuted(leaf, unit);
    widest_ = std::max(widest_, widest);
    if (widest > rtol_)
      doubt(
          fmt::format("{} {}: undecided: not narrow enough: the widest enclosure is {:.2g} of "
                      "the largest gradient, and rtol is {:.2g}.\n",
                      leaf.name, leaf.shape, widest, rtol_));
  }

  void doubt(const std::string& reason) {
    undecided_ = true;
    reasons_ += reason;
  }

  GradcheckReport conclude() {
    GradcheckReport report;
    report.ok = !refuted_ && !undecided_;
    report.worst_error = error_;
    if (!report.ok) report.worst_error = std::numeric_limits<double>::infinity();
    report.text = fmt::format(
        "gradcheck {}: elements {}, kinks {}, variables ({}), {}widest {:.2g}, proved error "
        "{:.2g}\n{}",
        refuted_     ? "REFUTED"
        : undecided_ ? "UNDECIDED"
                     : "ENCLOSED",
        elements_, kinks_, names_, report.ok ? "" : "of the others: ", widest_, error_, reasons_);
    // The worst five of all variables together, each as a share of its own gradient.
    std::ranges::stable_sort(worst_, std::greater<>(), &std::pair<double, std::string>::first);
    worst_.resize(std::min<std::size_t>(worst_.size(), 5));
    for (const auto& [share, line] : worst_) report.text += line;
    return report;
  }

 private:
  // The widest enclosure of a leaf, as a share of the largest gradient, and the largest number that
  // an enclosure holds.
  struct Extremes {
    double widest = 0, most = 0;
  };

  // Counts the elements and the kinks, and notes doubts and errors.
  Extremes count(const Enclosures& leaf, double unit) {
    Extremes found;
    for (const Entry& entry : leaf.entries) {
      elements_ += entry.moved == 0;
      kinks_ += entry.moved == 0 && entry.is_kink();
      if (!entry.doubt.empty()) note_doubt(leaf, entry);
      if (!entry.is_decided()) continue;
      found.most = std::max({found.most, largest(entry.forward()), largest(entry.claim)});
      if (unit == 0) continue;
      // Shares of the largest gradient, rounded upwards.
      const auto share = [unit](double x) { return (Interval(x) / Interval(unit)).above(); };
      found.widest = std::max(found.widest, share(entry.width()));
      error_ = std::max(error_, share(proved_error(entry)));
    }
    return found;
  }

  void refute(const std::string& reason) {
    refuted_ = true;
    reasons_ += reason;
  }

  // At most five doubts of a leaf are told one by one.
  void note_doubt(const Enclosures& leaf, const Entry& entry) {
    if (++doubts_ <= 5) doubt(fmt::format("{}: undecided: {}.\n", where(leaf, entry), entry.doubt));
    undecided_ = true;
  }

  // The claims that are refuted, and what mistake they look like.
  void list_refuted(const Enclosures& leaf, double unit) {
    std::vector<Finding> all;
    std::size_t wrong = 0;
    double scale = 0;
    std::optional<Finding> first;
    for (const Entry& entry : leaf.entries) {
      const Finding finding = as_finding(entry);
      if (entry.moved == 0) all.push_back(finding);
      scale = std::max(scale, finding.slope());
      if (!entry.is_refuted()) continue;
      ++wrong;
      const double share = entry.distance() / (unit > 0 ? unit : 1);
      worst_.emplace_back(share, line(leaf, entry));
      if (!first || finding.distance() > first->distance()) first = finding;
    }
    if (first)
      refute(fmt::format("{} {}: {} of {} comparisons are refuted. {}\n", leaf.name, leaf.shape,
                         wrong, leaf.entries.size(), diagnosis(all, *first, scale, leaf.shape)));
  }

  // The midpoints, for the diagnosis of the usual mistakes.
  static Finding as_finding(const Entry& entry) {
    Finding finding(entry.element, static_cast<double>(entry.worse()), entry.moved);
    finding.low = static_cast<double>(entry.left);
    finding.high = static_cast<double>(entry.right);
    if (!entry.is_kink()) finding.high = finding.low;
    if (finding.low > finding.high) std::swap(finding.low, finding.high);
    finding.doubt = has_bounds(entry.forward()) ? entry.width() : 0;
    return finding;
  }

  static std::string where(const Enclosures& leaf, const Entry& entry) {
    return place(leaf.name, leaf.shape, Finding(entry.element, 0, entry.moved));
  }

  // "  w [2, 1]: analytic [3, 3.1], forward 2, relative distance 0.33"
  static std::string line(const Enclosures& leaf, const Entry& entry) {
    const Interval claim = entry.worse(), forward = entry.forward();
    const double size = std::max(largest(claim), largest(forward));
    return fmt::format(
        "  {}: analytic {}, forward {}{}, relative distance {:.2g}\n", where(leaf, entry), claim,
        entry.is_kink() ? entry.left : forward,
        entry.is_kink() ? fmt::format(" … {}", entry.right) : "",
        std::isfinite(size) ? entry.distance() / size : std::numeric_limits<double>::infinity());
  }

  double rtol_, unit_of_all_;
  std::vector<std::pair<double, std::string>> worst_ = {};  // share of the largest gradient, line
  std::string names_ = {}, reasons_ = {};
  std::size_t elements_ = 0, kinks_ = 0, doubts_ = 0;
  double widest_ = 0, error_ = 0;
  bool refuted_ = false, undecided_ = false;
};

// A gradient of this leaf is surely this large. 0 if every gradient of it may be 0.
inline double unit_of(const Enclosures& leaf) {
  double unit = 0;
  for (const Entry& entry : leaf.entries)
    if (entry.doubt.empty()) unit = std::max({unit, smallest(entry.left), smallest(entry.right)});
  return unit;
}

// A variable without gradient is measured by the largest gradient of all variables. If there is
// none either, there is no unit: 0.
inline GradcheckReport verdict_on(const std::vector<Enclosures>& all, const std::string& fault,
                                  double rtol) {
  double unit = 0;
  for (const Enclosures& leaf : all) unit = std::max(unit, unit_of(leaf));
  EnclosureJudge judge(rtol, unit);
  for (const Enclosures& leaf : all) judge.hear(leaf, unit_of(leaf));
  if (!fault.empty()) judge.doubt(fmt::format("undecided: {}\n", fault));
  return judge.conclude();
}

}  // namespace glass
