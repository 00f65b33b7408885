// # translate
//
// Trains an encoder-decoder on a made-up task or on sentence pairs of your own, marks it on pairs
// that it never saw, and shows what it wrote and where it looked.
#include <unistd.h>

#include <csignal>
#include <exception>
#include <iostream>
#include <limits>

#include "examples/common/files.h"
#include "examples/common/interrupt.h"
#include "examples/common/program.h"
#include "examples/common/terminal.h"
#include "examples/translate/marks.h"
#include "examples/translate/picture.h"
#include "examples/translate/report_data.h"
#include "examples/translate/tasks.h"
#include "examples/translate/train_log.h"
#include "examples/translate/use.h"
#include "nn/file.h"

namespace translate {

namespace {

void write_metrics(const std::string& path, const Options& options, const Translator& translator,
                   const Training& training, const Marks& marks) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  examples::Json json;
  json.add("task", translator.task).add("seed", options.seed);
  json.add("exact_match", marks.exact_match);
  json.add("alignment_accuracy", marks.alignment.value_or(none));
  json.add("bleu", marks.bleu ? marks.bleu->score : none).add("loss", marks.loss);
  json.add("train_loss", training.loss).add("seconds", training.seconds);
  json.add("steps", training.steps);
  json.add("parameters", glass::nn::count_parameters(translator.model));
  examples::write_file(path, json.text() + "\n");
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
               join(corpus.unit, translator.spell(pairs[i].source, predictions[i])));
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

Search search_of(const Recipe& recipe) {
  return {.beams = recipe.beams, .length_penalty = recipe.length_penalty};
}

// Trains, unless that was done before, and keeps what comes of it.
Training learn(Translator& translator, const Corpus& corpus, const Options& options,
               History& history) {
  Trainer trainer(translator, corpus, options);
  const bool resumes = options.resume && std::filesystem::exists(options.save);
  if (resumes) {
    trainer.resume(options.save);
    fmt::print("{}: {} {} steps\n", options.save,
               trainer.finished() ? "finished, nothing is left to train after" : "goes on after",
               trainer.step());
  } else if (options.resume) {
    fmt::print("{}: no such file yet: begins with step 1\n", options.save);
  }
  if (options.resume)
    for (const std::string& path : {options.save, options.log})
      if (!path.empty()) glass::nn::remove_partial_files(path);
  history = trainer.history();
  examples::flush();
  if (trainer.finished()) {
    glass::check<glass::StateError>(
        options.log.empty() || std::filesystem::exists(options.log),
        "--log {} has no effect here: the training in {} is finished, and a log is written only "
        "while it goes on",
        options.log, options.save);
    return {.steps = trainer.step()};
  }

  std::optional<TrainLog> log;
  if (!options.log.empty() && resumes)
    log.emplace(options.log, trainer.step(), trainer.history());
  else if (!options.log.empty())
    log.emplace(options.log);
  examples::LiveLine line;
  const std::string score_name = trainer.history().score_name;
  const examples::Interrupt interrupted({SIGINT, SIGTERM});
  // Where a disk is full, or whoever read the output has gone, the training stops as after Ctrl-C:
  // what was learnt is saved first.
  std::exception_ptr unheard;
  const auto tell = [&](auto print) {
    try {
      if (!unheard) print();
    } catch (const std::exception&) {
      unheard = std::current_exception();
    }
  };
  const Watcher watcher{
      .progress =
          [&](const Progress& p) {
            tell([&] {
              line.show(p.step, p.steps,
                        fmt::format("loss {:.4f}  {:.0f} tokens/s  {} left", p.loss,
                                    p.tokens_per_second, examples::duration(p.seconds_left)));
            });
          },
      .logged =
          [&](const Progress& p, const TrainPoint& point) {
            if (log) tell([&] { log->write(p, point); });
          },
      .validated =
          [&](const Progress& p, const ValidPoint& point) {
            tell([&] {
              line.end();
              fmt::print("step {}: validation loss {:.4f}, {} {:.2f}\n", point.step, point.loss,
                         score_name, point.score.value_or(0));
              examples::flush();
            });
            if (log) tell([&] { log->write(p, point, score_name); });
          },
      .stop = [&] { return interrupted() || unheard; }};
  const Training training = trainer.run(watcher);
  history = trainer.history();
  tell([&] { line.end(); });
  if (!options.save.empty()) trainer.save(options.save);
  if (unheard) std::rethrow_exception(unheard);
  if (!options.save.empty()) {
    fmt::print("saved {}{}\n", options.save,
               training.stopped ? "; --resume goes on from there" : "");
  }
  return training;
}

// What was asked for with --translate-file and --interactive. Returns the program's exit code: 1 if
// there was a line that could not be translated.
int serve(const Translator& translator, const Options& options) {
  const Search search = search_of(options.recipe);
  Index faulty = 0;
  if (!options.translate_file.empty())
    faulty += translate_file(translator, options.translate_file, options.output, search);
  if (options.interactive)
    faulty += interact(translator, std::cin, stdout,
                       ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1, search);
  return faulty > 0 ? 1 : 0;
}

int run(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  const Search search = search_of(options.recipe);
  if (options.threads > 0) glass::set_num_threads(options.threads);
  for (const std::string& path :
       {options.save, options.metrics, options.log, options.output, options.report})
    examples::expect_writable(path);
  examples::expect_readable(options.translate_file);

  std::optional<Translator> loaded;
  if (!options.load.empty()) loaded = Translator::load(options.load);
  if (options.mode == Mode::translate) {
    for (const std::string& text : loaded->translate(options.sentences, search))
      fmt::print("{}\n", text);
    return serve(*loaded, options);
  }
  glass::check<glass::StateError>(
      !loaded || !options.task.empty() || !options.files.source.empty() || loaded->task != "text",
      "{} was trained on files: to train or mark it further, give --source and --target",
      options.load);

  glass::check<glass::StateError>(!loaded || options.task.empty() || options.task == loaded->task,
                                  "{} was trained on the task {}; got --task {}", options.load,
                                  loaded ? loaded->task : "", options.task);

  Corpus corpus = corpus_for(options, loaded);
  if (loaded) {
    // A loaded model knows the words that it was trained with.
    corpus.source_words = loaded->source_words;
    corpus.target_words = loaded->target_words;
  }
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
  History history;
  if (options.trains()) {
    training = learn(translator, corpus, options, history);
  } else if (!options.save.empty()) {
    translator.save(options.save);
    fmt::print("saved {}\n", options.save);
  }
  if (training.stopped) return examples::interrupted_exit();

  const Marks marks = mark(translator, corpus, search);
  fmt::print("\n{} held-out pairs: {:.2f} % exact", corpus.test.size(), 100 * marks.exact_match);
  if (marks.alignment)
    fmt::print(", {:.2f} % of tokens looked at the right place", 100 * *marks.alignment);
  fmt::print(", loss {:.4f}", marks.loss);
  if (training.seconds > 0)
    fmt::print("; {} steps in {}", training.steps, examples::duration(training.seconds));
  fmt::print("\n");
  if (marks.bleu) {
    const auto& [score, p, penalty, length, reference] = *marks.bleu;
    fmt::print(
        "BLEU {:.2f} = {:.1f}/{:.1f}/{:.1f}/{:.1f}, brevity penalty {:.3f} ({} words, {} in "
        "the references)\n{}, with {} beam{}\n",
        score, p[0], p[1], p[2], p[3], penalty, length, reference, bleu_signature, search.beams,
        search.beams == 1 ? "" : "s");
  }
  show_samples(translator, corpus);
  for (const std::string& text : options.sentences)
    fmt::print("\n{}\n  {}\n", text, translator.translate(text, search));
  show_attention(translator, options.sentences.empty()
                                 ? typical(corpus.test)
                                 : tokenize(corpus.unit, options.sentences[0]));
  if (!options.metrics.empty())
    write_metrics(options.metrics, options, translator, training, marks);
  if (!options.report.empty()) {
    write_report(options.report,
                 make_report(translator, corpus, options, training, history, marks));
    fmt::print("\nwrote {}: open it in a browser\n", options.report);
  }
  return serve(translator, options);
}

}  // namespace

}  // namespace translate

int main(int argc, char** argv) {
  return examples::program("translate", [&] { return translate::run(argc, argv); });
}
