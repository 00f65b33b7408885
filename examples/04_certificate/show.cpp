// # The certificate in the terminal: verdict, histogram, tables
#include "examples/04_certificate/show.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace certificate {

// ---- words ----

std::string commas(Index n) {
  std::string text = fmt::to_string(n);
  for (Index at = std::ssize(text) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

std::string counted(Index n, const std::string& noun) {
  const bool ies = noun.ends_with('y');
  const std::string many = ies ? noun.substr(0, noun.size() - 1) + "ies" : noun + "s";
  return commas(n) + " " + (n == 1 ? noun : many);
}

std::string digits_text(const Interval& x) {
  if (x.is_point()) return fmt::format("{}", x);
  const std::string low = fmt::format("{:.30e}", x.below()),
                    high = fmt::format("{:.30e}", x.above());
  const auto same = std::mismatch(low.begin(), low.end(), high.begin(), high.end());
  const auto common = std::min<std::ptrdiff_t>(same.first - low.begin(), 21);
  const std::size_t power = low.find('e');
  // Without a common power of ten, or a common first digit, both ends are shown.
  if (common < 3 || low.substr(power) != high.substr(high.find('e')))
    return fmt::format("[{:.3g}, {:.3g}]", x.below(), x.above());
  return low.substr(0, static_cast<std::size_t>(common)) + "…" +
         (low.ends_with("e+00") ? "" : low.substr(power));
}

std::string size_text(double x) { return x == 0 ? "0" : fmt::format("{:.0e}", x); }

std::string model_text(const Result& result) {
  const glass::nn::EncoderDecoderOptions& o = result.question.shape;
  const Index parameters = result.comparison.all.entries;
  return fmt::format("{}: {}{} + {} layers, {} wide, {} head{}", result.question.subject,
                     parameters > 0 ? commas(parameters) + " parameters, " : "", o.layers, o.layers,
                     o.dim, o.heads, o.heads == 1 ? "" : "s");
}

std::string batch_text(const Question& q) {
  return fmt::format(
      "{} pair{}, {} source and {} target tokens each, padding included; cross-entropy, label "
      "smoothing {}, dropout 0",
      q.source.batch, q.source.batch == 1 ? "" : "s", q.source.length, q.target_in.length,
      q.smoothing);
}

// A refuted gradient is wrong, whatever else is undecided.
std::string verdict_text(const Result& result) {
  const Directions& d = result.directions;
  if (result.refuted())
    return fmt::format(
        "refuted: {} of {} directions and {} of {} entries have two enclosures without a common "
        "number",
        d.disjoint, d.done.size(), result.entries_disjoint, result.entries.size());
  if (!result.undecided.empty()) return "undecided: " + result.undecided;
  return fmt::format("enclosed, if the VJPs are right: all {} entries of the gradient",
                     commas(result.comparison.all.entries));
}

namespace {

// ---- the width of the terminal ----

int columns() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 1000;  // a file has lines of any length
}

// `text`, cut at spaces into lines that are not longer than the terminal.
void print_wrapped(const std::string& text, int indent = 0) {
  const auto most = static_cast<std::size_t>(std::max(20, std::min(columns(), 100) - indent));
  std::string rest = text;
  while (!rest.empty()) {
    std::size_t end = rest.size();
    if (end > most) end = rest.rfind(' ', most) == std::string::npos ? most : rest.rfind(' ', most);
    fmt::print("{:{}}{}\n", "", indent, rest.substr(0, end));
    rest.erase(0, end);
    rest.erase(0, rest.find_first_not_of(' '));
  }
}

// ---- the histogram ----

// A bar of so many columns, to an eighth of a column.
std::string bar(double share, int width) {
  constexpr const char* eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int parts = static_cast<int>(std::lround(share * width * 8));
  std::string text;
  for (int i = 0; i < parts / 8; ++i) text += "█";
  text += eighths[parts % 8];
  for (int i = (parts + 7) / 8; i < width; ++i) text += " ";
  return text;
}

// Whole digits: two bins of half a digit each.
Index count_of(const Digits& digits, int whole) {
  if (whole < 0) return digits.histogram[0];
  if (whole == 9) return digits.histogram[bins - 1];
  const auto at = 1 + 2 * static_cast<std::size_t>(whole);
  return digits.histogram[at] + digits.histogram[at + 1];
}

std::string digits_label(int whole) {
  if (whole < 0) return "none";
  return whole == 9 ? "9 or more" : fmt::format("{} to {}", whole, whole + 1);
}

// A row for each number of digits, the most digits first. The longest bar fills its column.
void show_histogram(const FloatDigits& fused, const FloatDigits& plain) {
  const int width = std::clamp((columns() - 34) / 2, 6, 28);
  fmt::print("\n  {:9}  {:{}}  {}\n", "digits", "fused attention", width + 8, "plain attention");
  double most = 1;
  for (int whole = -1; whole <= 9; ++whole)
    most = std::max({most, static_cast<double>(count_of(fused.own, whole)),
                     static_cast<double>(count_of(plain.own, whole))});
  for (int whole = 9; whole >= -1; --whole) {
    const Index a = count_of(fused.own, whole), b = count_of(plain.own, whole);
    const auto part = [&](Index n, Index all) {
      return fmt::format(
          "{} {:>6.2f}%", bar(static_cast<double>(n) / most, width),
          100 * static_cast<double>(n) / static_cast<double>(std::max<Index>(all, 1)));
    };
    fmt::print("  {:9}  {}  {}\n", digits_label(whole), part(a, fused.own.count),
               part(b, plain.own.count));
  }
}

void show_summary(const std::string& name, const FloatDigits& d) {
  print_wrapped(
      fmt::format("{}: of each entry median {:.1f}, worst {:.1f}; relative to the largest entry of "
                  "its parameter median {:.1f}, worst {:.1f}",
                  name, d.own.median, d.own.worst, d.largest.median, d.largest.worst),
      2);
}

void show_digits(const Summary& all) {
  fmt::print(
      "\nCorrect decimal digits of float's gradient, at least, for the {} entries with a sign\n",
      commas(all.entries - all.zeros - all.no_sign - all.unbounded));
  show_histogram(all.fused, all.plain);
  fmt::print("\n");
  show_summary("fused", all.fused);
  show_summary("plain", all.plain);
}

void show_example(const std::string& what, const Example& e) {
  if (e.name.empty()) return;
  fmt::print("  {}: {}, entry {}\n    truth {}\n    float {:.9e}: {:.1f} digits\n", what, e.name,
             e.entry, digits_text(e.enclosure), e.number, e.digits);
}

// ---- entries that have no digits of their own ----

void show_apart(const Summary& all) {
  if (all.zeros > 0)
    print_wrapped(
        fmt::format("exactly 0: {}, as rows of tokens that do not occur, or of units that "
                    "a ReLU turned off",
                    counted(all.zeros, "entry")),
        2);
  if (all.no_sign > 0)
    print_wrapped(
        fmt::format(
            "no sign: {}, where the truth is 0 or too small to be told from 0, at most {}; float "
            "gives up to {} there. A bias of keys is such a parameter: it adds the same "
            "number to all scores of a query, and a softmax does not change by that",
            counted(all.no_sign, "entry"), size_text(all.bound), size_text(all.fused.stray)),
        2);
  if (all.fused.not_finite + all.plain.not_finite > 0)
    print_wrapped(fmt::format("float gives NaN or infinity for {} entries fused, {} plain",
                              commas(all.fused.not_finite), commas(all.plain.not_finite)),
                  2);
}

// ---- the table of parameters ----

// Digits, or a dash for a parameter without an entry that has digits.
std::string pair_of(const Digits& d) {
  return d.count == 0 ? fmt::format("{:>5} {:>5}", "–", "–")
                      : fmt::format("{:5.1f} {:5.1f}", d.worst, d.median);
}

std::string numbers_of(const Summary& s) {
  const Index apart = s.zeros + s.no_sign;
  return fmt::format("{:>8} {:>8} {:>7}  {}  {}  {}", commas(s.entries), commas(apart),
                     s.widest > 0 ? size_text(s.widest) : "–", pair_of(s.fused.own),
                     pair_of(s.fused.largest), pair_of(s.plain.own));
}

// A line for each parameter, or two lines in a narrow terminal.
void show_table(const Comparison& c) {
  std::size_t longest = 9;
  for (const Summary& s : c.parameters)
    longest = std::max(longest, s.name.size() + s.shape.size() + 1);
  constexpr int numbers = 66;
  const bool narrow = static_cast<int>(longest) + numbers > columns();
  const int width = narrow ? 0 : static_cast<int>(longest);
  fmt::print(
      "\nFor each parameter: entries, those without digits (0, or no sign), the widest enclosure "
      "relative\nto its entry, and correct digits of float, worst and median\n\n");
  const std::string head = fmt::format("{:>8} {:>8} {:>7}  {:^11}  {:^11}  {:^11}", "entries",
                                       "apart", "widest", "fused", "of largest", "plain");
  fmt::print("{:{}} {}\n", narrow ? "" : "parameter", width, head);
  for (const Summary& s : c.parameters) {
    const std::string name = fmt::format("{} {}", s.name, s.shape);
    if (narrow)
      fmt::print("{}\n {}\n", name, numbers_of(s));
    else
      fmt::print("{:{}} {}\n", name, width, numbers_of(s));
  }
}

// ---- forward mode ----

// How far apart two numbers may be whose enclosures meet, relative to their size.
double slack(const Meeting& m) {
  const double size = std::abs(static_cast<double>(m.forward));
  const double widths = m.forward.width() + m.sweep.width();
  return size > 0 ? widths / size : widths;
}

void show_directions(const Result& r) {
  const Directions& d = r.directions;
  if (d.done.empty()) return;
  double widest = 0;
  for (const Meeting& m : d.done) widest = std::max(widest, slack(m));
  print_wrapped(fmt::format(
      "Forward mode and the sweep both enclosed the slope along {}{}: {}. A VJP that "
      "changes a slope by more than {} of it would be refuted",
      counted(std::ssize(d.done), "random direction"),
      r.stopped && std::ssize(d.done) < d.asked ? fmt::format(" (of {})", d.asked) : "",
      d.disjoint == 0 ? "they meet" : fmt::format("REFUTED in {}", d.disjoint), size_text(widest)));
  for (const Meeting& m : d.done)
    if (m.are_disjoint()) fmt::print("  forward {}  sweep {}\n", m.forward, m.sweep);
}

// The truth of each entry by forward mode, and float's number.
void show_entries(const Result& r) {
  if (r.entries.empty()) return;
  fmt::print("\n");
  print_wrapped(
      fmt::format("{} checked alone: the truth lies in the enclosure of forward mode, where the "
                  "forward rules hold",
                  counted(std::ssize(r.entries), "entry")));
  for (const EntryCheck& e : r.entries) {
    const Interval& truth = e.meeting.forward;
    fmt::print("  {}, entry {}\n    truth {}\n    float {:.9e}: {}{}\n", e.name, e.entry,
               digits_text(truth), e.number,
               e.has_digits ? fmt::format("{:.1f} digits", e.digits) : "no sign",
               e.meeting.are_disjoint()
                   ? fmt::format("; REFUTED: the sweep says {}", e.meeting.sweep)
                   : "");
  }
}

}  // namespace

// ---- one state, and all of them ----

void show(const Result& result) {
  const Summary& all = result.comparison.all;
  fmt::print("\n── {} ──\n\n", result.question.label);
  print_wrapped(verdict_text(result));
  if (all.entries == 0) return;
  print_wrapped(fmt::format("widest enclosure, relative to its entry: {}; computed in {:.1f} s",
                            size_text(all.widest), result.seconds),
                2);
  show_apart(all);

  // The loss, the digits of all entries, and those of each parameter.
  print_wrapped(fmt::format("loss {}, float {:.9g} fused, {:.9g} plain", digits_text(result.loss),
                            result.fused_loss, result.plain_loss),
                2);
  show_digits(all);
  show_example("in the middle", result.comparison.middle);
  show_example("the worst", result.comparison.worst);
  show_table(result.comparison);
  fmt::print("\n");
  show_directions(result);
  show_entries(result);
}

void show_change(std::span<const Result> results) {
  if (results.size() < 2) return;
  std::size_t longest = 0;
  for (const Result& r : results) longest = std::max(longest, r.question.label.size());
  fmt::print("\n── before and after ──\n\n{:{}}  {:>10}  {:>13}  {:>13}\n", "", longest, "loss",
             "fused", "plain");
  for (const Result& r : results)
    fmt::print("{:{}}  {:>10.4g}  {:>13}  {:>13}\n", r.question.label, longest,
               static_cast<double>(r.loss), pair_of(r.comparison.all.fused.own),
               pair_of(r.comparison.all.plain.own));
  fmt::print("(correct digits of float's gradient: worst and median entry)\n");
}

}  // namespace certificate
