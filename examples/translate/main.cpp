// # translate
//
// Trains an encoder-decoder on a made-up task or on sentence pairs of your own, marks it on pairs
// that it never saw, and shows what it wrote and where it looked.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <fstream>

#include "examples/translate/picture.h"
#include "examples/translate/tasks.h"
#include "examples/translate/translator.h"

namespace translate {

namespace {

// ---- Ctrl-C: the step is finished, the model is saved ----

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void interrupt(int signal) {
  interrupted = true;
  std::signal(signal, SIG_DFL);  // a second Ctrl-C does not wait
}

// ---- one live line ----

std::string duration(double seconds) {
  const auto whole = static_cast<long>(std::lround(seconds));
  return whole >= 3600 ? fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60)
                       : fmt::format("{}:{:02}", whole / 60, whole % 60);
}

// On a terminal the line is written over itself; elsewhere a new one appears every few seconds.
class LiveLine {
 public:
  void show(const Progress& p) {
    const auto now = std::chrono::steady_clock::now();
    const bool last = p.step == p.steps;
    if (!last && p.step != 1 &&
        now - shown_ < (terminal_ ? std::chrono::milliseconds(100) : pause_))
      return;
    shown_ = now;
    // Lines become rarer as a long run goes on.
    if (p.step > 1) pause_ = std::min(pause_ * 5 / 4, std::chrono::milliseconds(60000));
    fmt::print("{}step {}/{}  loss {:.4f}  {:.0f} tokens/s  {} left{}", terminal_ ? "\r" : "",
               p.step, p.steps, p.loss, p.tokens_per_second, duration(p.seconds_left),
               terminal_ ? "\033[K" : "\n");
    open_ = terminal_;
    std::fflush(stdout);
  }
  void end() {
    if (std::exchange(open_, false)) fmt::print("\n");
  }

 private:
  const bool terminal_ = ::isatty(STDOUT_FILENO) == 1;
  bool open_ = false;
  std::chrono::steady_clock::time_point shown_{};
  std::chrono::milliseconds pause_{2000};
};

// ---- files to be written ----

// Minutes of training are not to be lost to a misspelt folder: found out before they begin.
void expect_writable(const std::string& path) {
  if (path.empty()) return;
  glass::check<glass::FileError>(!std::filesystem::is_directory(path),
                                 "cannot write {}: it is a folder", path);
  const std::string probe = path + ".probe";
  errno = 0;
  const bool writable = std::ofstream(probe).good();
  const int reason = errno;
  std::error_code ignored;
  std::filesystem::remove(probe, ignored);
  glass::check<glass::FileError>(writable, "cannot write {}: {}", path, std::strerror(reason));
}

std::string json_number(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : "null";
}

void write_metrics(const std::string& path, const Options& options, const Translator& translator,
                   const Training& training, const Marks& marks) {
  const std::string partial = path + ".partial";
  std::ofstream file(partial);
  file << fmt::format(
      "{{\"task\": \"{}\", \"seed\": {}, \"exact_match\": {}, \"alignment_accuracy\": {}, "
      "\"loss\": {}, "
      "\"train_loss\": {}, \"seconds\": {}, \"steps\": {}, \"parameters\": {}}}\n",
      translator.task, options.seed, json_number(marks.exact_match),
      marks.alignment ? json_number(*marks.alignment) : "null", json_number(marks.loss),
      json_number(training.loss), json_number(training.seconds), training.steps,
      glass::nn::count_parameters(translator.model));
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(partial, path, error);
  const bool written = file && !error;
  if (!written) std::filesystem::remove(partial, error);
  glass::check<glass::FileError>(written, "cannot write {}", path);
}

// ---- what it has learnt ----

void show_samples(const Translator& translator, const Corpus& corpus) {
  constexpr std::size_t shown = 6;
  std::vector<Pair> pairs(
      corpus.test.begin(),
      corpus.test.begin() + std::min<std::ptrdiff_t>(shown, std::ssize(corpus.test)));
  const std::vector<Example> examples = corpus.encode(pairs);
  const auto predictions = translator.decode(examples);
  fmt::print("\nHeld-out samples\n");
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const bool right = predictions[i] == examples[i].target;
    fmt::print("  {} {}\n    {}\n", right ? "✓" : "✗", join(corpus.unit, pairs[i].source),
               join(corpus.unit, translator.target_words.decode(predictions[i])));
    if (!right) fmt::print("    {} (expected)\n", join(corpus.unit, pairs[i].target));
  }
}

// The sentence nearest to a length that fits a terminal.
void show_attention(const Translator& translator, const Sentence& source) {
  Example example{translator.source_words.encode(source), {}};
  example.target = translator.decode({&example, 1})[0];
  Sentence target = translator.target_words.decode(example.target), columns = source;
  target.emplace_back("■");
  columns.emplace_back("■");
  fmt::print(
      "\nWhere each token of the translation looked (last decoder layer, mean of heads; ■ is the "
      "end)\n\n{}",
      draw_attention(translator.attention(example), columns, target));
}

const Sentence& typical(const std::vector<Pair>& pairs) {
  const auto distance = [](const Pair& p) { return std::abs(std::ssize(p.source) - 16); };
  return std::min_element(pairs.begin(), pairs.end(),
                          [&](const Pair& a, const Pair& b) { return distance(a) < distance(b); })
      ->source;
}

// ---- the course of events ----

Corpus corpus_for(const Options& options, const std::optional<Translator>& loaded) {
  if (!options.files.source.empty()) return read_corpus(options.files);
  return make_task(options.task.empty() ? loaded->task : options.task);
}

Training learn(Translator& translator, const Corpus& corpus, const Options& options) {
  LiveLine line;
  const Watcher watcher{.progress = [&](const Progress& p) { line.show(p); },
                        .validated =
                            [&](Index step, double loss) {
                              line.end();
                              fmt::print("step {}: validation loss {:.4f}\n", step, loss);
                            },
                        .stop = [] { return interrupted.load(); }};
  std::signal(SIGINT, interrupt);
  const Training training = train(translator, corpus, options, watcher);
  std::signal(SIGINT, SIG_DFL);
  line.end();
  return training;
}

int run(int argc, char** argv) {
  Options options = parse_options(argc, argv);
  if (options.threads > 0) glass::set_num_threads(options.threads);
  expect_writable(options.save);
  expect_writable(options.metrics);

  std::optional<Translator> loaded;
  if (!options.load.empty()) loaded = Translator::load(options.load);
  const bool only_translate =
      loaded && !options.sentences.empty() && options.task.empty() && options.files.source.empty();
  if (only_translate) {
    for (const std::string& text : options.sentences) fmt::print("{}\n", loaded->translate(text));
    return 0;
  }
  glass::check<glass::StateError>(
      !loaded || !options.task.empty() || !options.files.source.empty() || loaded->task != "text",
      "{} was trained on files: give --source and --target, or --translate", options.load);

  glass::check<glass::StateError>(!loaded || options.task.empty() || options.task == loaded->task,
                                  "{} was trained on the task {}; got --task {}", options.load,
                                  loaded ? loaded->task : "", options.task);

  Corpus corpus = corpus_for(options, loaded);
  if (loaded) {
    // A loaded model knows the words that it was trained with.
    corpus.source_words = loaded->source_words;
    corpus.target_words = loaded->target_words;
  }
  options = with_defaults(options, corpus);
  Translator translator = loaded ? std::move(*loaded) : Translator::create(corpus, options);
  for (const std::string& text : options.sentences) translator.expect_translatable(text);
  const auto& shape = translator.model.options;
  fmt::print(
      "{}: {} parameters, {} + {} layers, {} wide, {} heads; {} source and {} target words\n",
      corpus.name, glass::nn::count_parameters(translator.model), shape.layers, shape.layers,
      shape.dim, shape.heads, translator.source_words.size(), translator.target_words.size());
  if (!corpus.train.empty())
    fmt::print("{} pairs to learn from, {} held out; {} blank and {} overlong pairs left out\n",
               corpus.train.size(), corpus.valid.size(), corpus.blank, corpus.overlong);

  Training training;
  if (options.steps > 0 || options.epochs > 0) training = learn(translator, corpus, options);
  if (!options.save.empty() && (training.steps > 0 || !training.stopped)) {
    translator.save(options.save);
    fmt::print("saved {}\n", options.save);
  }
  if (training.stopped) return 130;

  const Marks marks = mark(translator, corpus);
  fmt::print("\n{} held-out pairs: {:.2f} % exact", corpus.test.size(), 100 * marks.exact_match);
  if (marks.alignment)
    fmt::print(", {:.2f} % of tokens looked at the right place", 100 * *marks.alignment);
  fmt::print(", loss {:.4f}", marks.loss);
  if (training.steps > 0)
    fmt::print("; {} steps in {}", training.steps, duration(training.seconds));
  fmt::print("\n");
  show_samples(translator, corpus);
  for (const std::string& text : options.sentences)
    fmt::print("\n{}\n  {}\n", text, translator.translate(text));
  show_attention(translator, options.sentences.empty()
                                 ? typical(corpus.test)
                                 : tokenize(corpus.unit, options.sentences[0]));
  if (!options.metrics.empty())
    write_metrics(options.metrics, options, translator, training, marks);
  return 0;
}

}  // namespace

}  // namespace translate

int main(int argc, char** argv) {
  try {
    return translate::run(argc, argv);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "translate: {}; see --help\n", error.what());
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "translate: not enough memory\n");
  } catch (const std::exception& error) {
    fmt::print(stderr, "translate: {}\n", error.what());
  }
  return 2;
}
