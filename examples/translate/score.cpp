// # Marking: counts, scores, and how they are told
#include "examples/translate/score.h"

#include <algorithm>

#include "examples/common/files.h"
#include "examples/common/terminal.h"
#include "examples/translate/chrf.h"
#include "examples/translate/pieces.h"

namespace translate {

// ---- counts as rows of numbers, and back ----

namespace {

constexpr std::size_t orders = 4, lengths = ChrfCounts::longest;

void append(std::vector<long>& row, std::span<const long> more) {
  row.insert(row.end(), more.begin(), more.end());
}

// Two lengths, four counts of what is found and four of what is written.
void append(std::vector<long>& row, const BleuCounts& counts) {
  append(row, std::array{counts.length, counts.reference});
  append(row, counts.found);
  append(row, counts.written);
}

BleuCounts bleu_counts(std::span<const long> row) {
  BleuCounts counts{.length = row[0], .reference = row[1]};
  std::ranges::copy(row.subspan(2, orders), counts.found.begin());
  std::ranges::copy(row.subspan(2 + orders, orders), counts.written.begin());
  return counts;
}

void append(std::vector<long>& row, const ChrfCounts& counts) {
  append(row, counts.written);
  append(row, counts.wanted);
  append(row, counts.found);
}

ChrfCounts chrf_counts(std::span<const long> row) {
  ChrfCounts counts;
  std::ranges::copy(row.first(lengths), counts.written.begin());
  std::ranges::copy(row.subspan(lengths, lengths), counts.wanted.begin());
  std::ranges::copy(row.last(lengths), counts.found.begin());
  return counts;
}

}  // namespace

// ---- marking ----

BleuOptions bleu_options_for(std::span<const std::string> references, Case letters) {
  return {.letters = letters, .characters = is_mostly_unspaced(references)};
}

Counted count(std::span<const std::string> translations, std::span<const std::string> references,
              Case letters) {
  glass::check<glass::ShapeError>(translations.size() == references.size(),
                                  "score: as many translations as references; got {} and {}",
                                  translations.size(), references.size());
  const BleuOptions options = bleu_options_for(references, letters);
  Counted counted{.options = options};
  counted.bleu.width = 2 + 2 * orders;
  counted.bleu.score = [](std::span<const long> row) { return bleu(bleu_counts(row)).score; };
  counted.chrf.width = 3 * lengths;
  counted.chrf.score = [](std::span<const long> row) { return chrf(chrf_counts(row)); };
  for (std::size_t i = 0; i < translations.size(); ++i) {
    append(counted.bleu.counts, count_bleu(translations[i], references[i], options));
    append(counted.chrf.counts, count_chrf(translations[i], references[i], letters));
  }
  return counted;
}

Score score(const Counted& counted) {
  return {.sentences = counted.bleu.sentences(),
          .options = counted.options,
          .bleu = bleu(bleu_counts(counted.bleu.sum())),
          .chrf = counted.chrf.of_all(),
          .bleu_interval = interval_of(resample(counted.bleu)),
          .chrf_interval = interval_of(resample(counted.chrf))};
}

// ---- what is told ----

namespace {

// sacreBLEU's signatures of scores with intervals.
std::string resampling() {
  return fmt::format("bs:{}|seed:{}|", bootstrap_resamples, bootstrap_seed);
}

std::string bleu_signature_of(BleuOptions o) { return bleu_signature(o, resampling()); }

std::string chrf_signature_of(BleuOptions o) {
  return fmt::format("nrefs:1|{}case:{}|eff:yes|nc:6|nw:0|space:no", resampling(),
                     name_of(o.letters));
}

std::string with_interval(double score, const Interval& interval) {
  return fmt::format("{:.2f} (μ = {:.2f} ± {:.2f})", score, interval.mean, interval.half_width());
}

}  // namespace

std::string describe(std::string_view name, const Score& s) {
  const auto& p = s.bleu.precisions;
  return fmt::format(
      "{} reached BLEU {:.2f} ± {:.2f} (95 %, bootstrap of {}, seed {}), chrF {:.2f}\n"
      "{} sentence{}; brevity penalty {:.3f}, ratio {:.3f} ({} {}, {} in the references)\n"
      "BLEU|{} = {} {:.1f}/{:.1f}/{:.1f}/{:.1f}\n"
      "chrF2|{} = {}\n",
      name, s.bleu.score, s.bleu_interval.half_width(), examples::grouped(bootstrap_resamples),
      bootstrap_seed, s.chrf, examples::grouped(s.sentences), s.sentences == 1 ? "" : "s",
      s.bleu.brevity_penalty, s.bleu.ratio(), s.bleu.length,
      s.options.characters ? "characters" : "words", s.bleu.reference, bleu_signature_of(s.options),
      with_interval(s.bleu.score, s.bleu_interval), p[0], p[1], p[2], p[3],
      chrf_signature_of(s.options), with_interval(s.chrf, s.chrf_interval));
}

std::string describe_difference(std::string_view baseline, const Comparison& bleu,
                                const Comparison& chrf) {
  const auto line = [&](std::string_view what, const Comparison& c) {
    return fmt::format(
        "{} {:+.2f} against {} (95 % from {:+.2f} to {:+.2f}; p = {:.4f}; higher in {:.1f} % of "
        "the resamples)\n",
        what, c.difference, baseline, c.interval.low, c.interval.high, c.p, 100 * c.better);
  };
  return line("BLEU", bleu) + line("chrF", chrf);
}

void add_score(examples::Json& json, const Score& s) {
  json.add("test_sentences", s.sentences);
  json.add("test_bleu", s.bleu.score).add("test_bleu_mean", s.bleu_interval.mean);
  json.add("test_bleu_interval", s.bleu_interval.half_width());
  json.add("test_bleu_signature", bleu_signature_of(s.options));
  json.add("test_chrf", s.chrf).add("test_chrf_mean", s.chrf_interval.mean);
  json.add("test_chrf_interval", s.chrf_interval.half_width());
  json.add("test_chrf_signature", chrf_signature_of(s.options));
  json.add("test_brevity_penalty", s.bleu.brevity_penalty).add("test_ratio", s.bleu.ratio());
}

void add_difference(examples::Json& json, const Comparison& bleu, const Comparison& chrf) {
  for (const auto& [name, c] : {std::pair("bleu", bleu), std::pair("chrf", chrf)}) {
    const auto add = [&, prefix = fmt::format("baseline_{}_", name)](
                         const char* what, double value) { json.add(prefix + what, value); };
    add("difference", c.difference);
    add("low", c.interval.low);
    add("high", c.interval.high);
    add("p", c.p);
    add("better", c.better);
  }
}

}  // namespace translate
