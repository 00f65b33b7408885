// # Counting digits
#include "examples/04_certificate/digits.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace certificate {

namespace {

// A number that is read from a tensor of points, and the interval of an enclosure.
double point(const glass::Real& x) { return static_cast<double>(x.v); }

double size_of(const Interval& enclosure) { return std::abs(static_cast<double>(enclosure)); }

double furthest(const Interval& enclosure) {
  return std::max(std::abs(enclosure.below()), std::abs(enclosure.above()));
}

bool has_bounds(const Interval& x) { return std::isfinite(x.below()) && std::isfinite(x.above()); }

}  // namespace

double digits_of(double number, const Interval& enclosure, double size) {
  const Interval distance = abs(Interval(number) - enclosure);
  const double error = distance.above() / size;
  if (!std::isfinite(error)) return -20;
  if (error == 0) return 20;
  return std::clamp(-std::log10(error), -20.0, 20.0);
}

std::size_t bin_of(double digits) {
  if (digits < 0) return 0;
  return std::min(bins - 1, 1 + static_cast<std::size_t>(2 * digits));
}

// ---- gathering ----

namespace {

Digits summed(std::vector<double> digits) {
  Digits d;
  d.count = std::ssize(digits);
  if (digits.empty()) return d;
  for (const double x : digits) ++d.histogram[bin_of(x)];
  const auto middle = digits.begin() + (d.count - 1) / 2;
  std::nth_element(digits.begin(), middle, digits.end());
  d.median = *middle;
  d.worst = *std::min_element(digits.begin(), digits.end());
  return d;
}

// The digits of every entry, before they are summed up.
struct Lists {
  std::vector<double> own, largest;
  double stray = 0;
  Index not_finite = 0;

  void add(double number, const Interval& enclosure, double size) {
    if (!std::isfinite(number)) ++not_finite;
    const bool has_sign = !enclosure.holds(0);
    if (!has_sign && std::isfinite(number)) stray = std::max(stray, std::abs(number));
    if (has_sign) own.push_back(digits_of(number, enclosure, size_of(enclosure)));
    if (!is_zero(enclosure) && size > 0) largest.push_back(digits_of(number, enclosure, size));
  }
  void join(const Lists& other) {
    own.insert(own.end(), other.own.begin(), other.own.end());
    largest.insert(largest.end(), other.largest.begin(), other.largest.end());
    stray = std::max(stray, other.stray);
    not_finite += other.not_finite;
  }
  FloatDigits sum() && {
    return {summed(std::move(own)), summed(std::move(largest)), stray, not_finite};
  }
};

// What the enclosures of a parameter are, without float's numbers.
Summary enclosures_of(const Entries& p) {
  Summary s;
  s.name = p.name;
  s.shape = fmt::format("{}", p.enclosures.shape());
  s.entries = p.enclosures.numel();
  for (const glass::Real& x : p.enclosures.to_vector()) {
    const Interval& enclosure = x.v;
    if (!has_bounds(enclosure)) {
      ++s.unbounded;
    } else if (is_zero(enclosure)) {
      ++s.zeros;
    } else if (enclosure.holds(0)) {
      ++s.no_sign;
      s.bound = std::max(s.bound, furthest(enclosure));
    } else {
      s.widest = std::max(s.widest, enclosure.width() / size_of(enclosure));
      s.largest = std::max(s.largest, size_of(enclosure));
    }
  }
  return s;
}

void join(Summary& all, const Summary& one) {
  all.entries += one.entries;
  all.zeros += one.zeros;
  all.no_sign += one.no_sign;
  all.unbounded += one.unbounded;
  all.widest = std::max(all.widest, one.widest);
  all.largest = std::max(all.largest, one.largest);
  all.bound = std::max(all.bound, one.bound);
}

// The entry whose digits are nearest to a number. `part` must be in the name of its parameter.
Example nearest_to(double digits, const std::vector<Entries>& parameters, std::string_view part) {
  Example best;
  double nearest = std::numeric_limits<double>::infinity();
  for (const Entries& p : parameters) {
    if (p.name.find(part) == std::string::npos) continue;
    const auto enclosures = p.enclosures.to_vector(), numbers = p.fused.to_vector();
    for (std::size_t i = 0; i < enclosures.size(); ++i) {
      const Interval& x = enclosures[i].v;
      if (!has_bounds(x) || x.holds(0)) continue;
      const double number = point(numbers[i]), here = digits_of(number, x, size_of(x));
      if (!(std::abs(here - digits) < nearest)) continue;
      nearest = std::abs(here - digits);
      best = {p.name, static_cast<Index>(i), x, number, here};
    }
  }
  return best;
}

// The lists of one parameter, for both gradients.
struct BothLists {
  Lists fused, plain;

  BothLists() = default;
  BothLists(const Entries& p, double largest) {
    const auto enclosures = p.enclosures.to_vector(), fused_numbers = p.fused.to_vector(),
               plain_numbers = p.plain.to_vector();
    for (std::size_t i = 0; i < enclosures.size(); ++i) {
      const Interval& enclosure = enclosures[i].v;
      if (!has_bounds(enclosure)) continue;
      fused.add(point(fused_numbers[i]), enclosure, largest);
      plain.add(point(plain_numbers[i]), enclosure, largest);
    }
  }
  void join(const BothLists& other) {
    fused.join(other.fused);
    plain.join(other.plain);
  }
  void sum_into(Summary& summary) && {
    summary.fused = std::move(fused).sum();
    summary.plain = std::move(plain).sum();
  }
};

}  // namespace

Comparison compare(const std::vector<Entries>& parameters) {
  Comparison result;
  result.all.name = "all parameters";
  BothLists all;
  for (const Entries& p : parameters) {
    Summary summary = enclosures_of(p);
    BothLists lists(p, summary.largest);
    all.join(lists);
    std::move(lists).sum_into(summary);
    join(result.all, summary);
    result.parameters.push_back(std::move(summary));
  }
  std::move(all).sum_into(result.all);

  // A student knows what the weights of an attention are: the example is one of them.
  result.middle = nearest_to(result.all.fused.own.median, parameters, "proj.weight");
  result.worst = nearest_to(result.all.fused.own.worst, parameters, "");
  return result;
}

}  // namespace certificate
