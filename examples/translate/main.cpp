// # translate
//
// Trains an encoder-decoder on a made-up task or on sentence pairs of your own, evaluates it on
// pairs that it never saw, and shows what it wrote and what it attended to. The results of the
// evaluation are called marks.
#include <unistd.h>

#include <iostream>
#include <limits>

#include "examples/common/files.h"
#include "examples/common/interrupt.h"
#include "examples/common/program.h"
#include "examples/common/terminal.h"
#include "examples/translate/corpus_subwords.h"
#include "examples/translate/exam.h"
#include "examples/translate/learn.h"
#include "examples/translate/marks.h"
#include "examples/translate/picture.h"
#include "examples/translate/record.h"
#include "examples/translate/report_data.h"
#include "examples/translate/tasks.h"
#include "examples/translate/use.h"
#include "examples/translate/whole_words.h"

namespace translate {

namespace {

// ---- what the model has learnt ----

void show_bleu(const Bleu& bleu, BleuOptions options, Index beams) {
  const auto& p = bleu.precisions;
  fmt::print(
      "BLEU {:.2f} = {:.1f}/{:.1f}/{:.1f}/{:.1f}, brevity penalty {:.3f} ({} {}, {} in "
      "the references)\n{}, with {} beam{}\n",
      bleu.score, p[0], p[1], p[2], p[3], bleu.brevity_penalty, bleu.length,
      options.characters ? "characters" : "words", bleu.reference, bleu_signature(options), beams,
      beams == 1 ? "" : "s");
}

void show_marks(const Marks& marks, const Corpus& corpus, const Training& training, Index beams) {
  fmt::print("\n{} held-out pairs: {:.2f} % exact", corpus.test.size(), 100 * marks.exact_match);
  if (marks.alignment)
    fmt::print(", {:.2f} % of tokens looked at the right place", 100 * *marks.alignment);
  fmt::print(", loss {:.4f}", marks.loss);
  if (training.seconds > 0)
    fmt::print("; {} steps in {}", training.steps, examples::duration(training.seconds));
  fmt::print("\n");
  if (marks.bleu) show_bleu(*marks.bleu, bleu_options_for(corpus.test_references), beams);
}

// A few sentences, each with its translation and, if that is wrong, with the right one.
void show_samples(const Translator& translator, const Corpus& corpus) {
  constexpr std::size_t shown = 6;
  std::vector<Pair> pairs(
      corpus.test.begin(),
      corpus.test.begin() + std::min<std::ptrdiff_t>(shown, std::ssize(corpus.test)));
  const std::vector<Example> examples = corpus.encode(pairs);
  const auto predictions = translator.decode(examples);
  fmt::print("\nHeld-out samples\n");
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    // The source, the translation, and the reference if it differs.
    const bool right = translator.is_right(predictions[i], examples[i].target);
    fmt::print("  {} {}\n    {}\n", right ? "✓" : "✗", join(corpus.unit, pairs[i].source),
               join(corpus.unit, translator.spell(pairs[i].source, predictions[i])));
    if (!right) fmt::print("    {} (expected)\n", join(corpus.unit, pairs[i].target));
  }
}

// Translates a sentence greedily, and draws where the model looked. Subwords are drawn joined to
// words and, where a word has several, also apart.
void show_attention(const Translator& translator, const Sentence& source) {
  Example example{translator.source_words.encode(source), {}};
  example.target = translator.decode({&example, 1})[0];
  const glass::Tensor weights = translator.attention(example);
  const Sentence target =
      translator.axis_of(example.target, translator.target_words.decode(example.target));
  Sentence columns = source;
  columns.emplace_back("■");
  const auto show = [](std::string_view what, const std::string& picture) {
    fmt::print(
        "\nWhere each {} of the translation looked (last decoder layer, mean of heads; ■ is the "
        "end)\n\n{}",
        what, picture);
  };
  if (translator.unit != Unit::subwords)
    return show("token", draw_attention(weights, columns, target));

  const auto sources = whole_words(columns), targets = whole_words(target);
  show("word", draw_attention(join_weights(weights, sources, targets), texts_of(sources),
                              texts_of(targets)));
  if (sources.size() < columns.size() || targets.size() < target.size())
    show("subword", draw_attention(weights, visible(columns), visible(target)));
}

// The source whose length is nearest to 16 tokens: its picture fits a terminal.
const Sentence& typical(const std::vector<Pair>& pairs) {
  const auto distance = [](const Pair& p) { return std::abs(std::ssize(p.source) - 16); };
  return std::min_element(pairs.begin(), pairs.end(),
                          [&](const Pair& a, const Pair& b) { return distance(a) < distance(b); })
      ->source;
}

// ---- the files that it leaves ----

// The marks (the scores of the evaluation) and a summary of the training, as JSON.
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
  json.add("weights", hash_of(translator.model));
  if (marks.test) add_score(json, *marks.test);
  examples::write_file(path, json.text() + "\n");
}

void write_files(const Options& options, const Translator& translator, const Corpus& corpus,
                 const Training& training, const History& history, const Marks& marks) {
  if (!options.metrics.empty())
    write_metrics(options.metrics, options, translator, training, marks);
  if (!options.report.empty()) {
    write_report(options.report,
                 make_report(translator, corpus, options, training, history, marks));
    fmt::print("\nwrote {}: open it in a browser\n", options.report);
  }
}

// ---- the model and its sentences ----

// A loaded model is trained and marked only on the kind of corpus that it was made for.
void expect_its_corpus(const Translator& loaded, const Options& options) {
  glass::check<glass::StateError>(
      !options.task.empty() || !options.files.source.empty() || loaded.task != "text",
      "{} was trained on files: to train or mark it further, give --source and --target",
      options.load);
  glass::check<glass::StateError>(options.task.empty() || options.task == loaded.task,
                                  "{} was trained on the task {}; got --task {}", options.load,
                                  loaded.task, options.task);
  glass::check<glass::StateError>(
      options.recipe.bpe_dropout == 0 || loaded.unit == Unit::subwords,
      "--bpe-dropout has no effect here: the tokens of {} are no subwords", options.load);
}

Corpus corpus_for(const Options& options, const std::optional<Translator>& loaded) {
  const bool subwords = loaded && loaded->unit == Unit::subwords;
  if (!options.files.source.empty())
    return read_corpus(options.files, subwords ? &loaded->coding : nullptr);
  return make_task(options.task.empty() ? loaded->task : options.task);
}

// The sentences to learn from and to mark on. A loaded model knows the words that it was trained
// with, and no others.
Corpus make_corpus(const Options& options, const std::optional<Translator>& loaded) {
  Corpus corpus = corpus_for(options, loaded);
  if (loaded) {
    corpus.source_words = loaded->source_words;
    corpus.target_words = loaded->target_words;
  }
  return corpus;
}

void show_sizes(const Translator& translator, const Corpus& corpus) {
  const auto& shape = translator.model.options;
  const int sources = translator.source_words.size(), targets = translator.target_words.size();
  const std::string words =
      translator.coding.joint
          ? fmt::format("{} subwords of both languages", sources)
          : fmt::format("{} source and {} target {}", sources, targets,
                        translator.unit == Unit::subwords ? "subwords" : "words");
  fmt::print("{}: {} parameters, {} + {} layers, {} wide, {} heads; {}\n", corpus.name,
             glass::nn::count_parameters(translator.model), shape.layers, shape.layers, shape.dim,
             shape.heads, words);
  if (!corpus.train.empty())
    fmt::print("{} pairs to learn from, {} held out; {} blank and {} overlong pairs left out\n",
               corpus.train.size(), corpus.valid.size(), corpus.blank, corpus.overlong);
}

// What may surprise about the tokens of a new model.
void show_notes(const Corpus& corpus, const Options& options) {
  if (!options.load.empty()) return;
  for (const std::string& note :
       {missing_merges(corpus.coding, options.files.subwords), sentences_as_words(corpus)})
    if (!note.empty()) fmt::print("{}\n", note);
}

// ---- the run of the program ----

// What cannot be read or written is refused at once, not after minutes of training.
void prepare(const Options& o) {
  if (o.threads > 0) glass::set_num_threads(o.threads);
  for (const std::string& path : {o.save, o.metrics, o.log, o.output, o.report})
    examples::expect_writable(path);
  examples::expect_readable(o.translate_file);
}

std::optional<Translator> load_if_asked(const Options& options) {
  if (options.load.empty()) return {};
  return Translator::load(options.load);
}

// Translates for --translate-file and --interactive. Returns the program's exit code: 1 if there
// was a line that could not be translated.
int serve(const Translator& translator, const Options& options, Search search) {
  Index faulty = 0;
  if (!options.translate_file.empty())
    faulty +=
        translate_file(translator, options.translate_file, options.output, search, options.nbest);
  if (options.interactive)
    faulty += interact(translator, std::cin, stdout,
                       ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1, search,
                       options.nbest);
  return faulty > 0 ? 1 : 0;
}

// The same for a model that was only loaded and took the exam.
void write_exam_metrics(const std::string& path, const Translator& translator, const Score& score) {
  if (path.empty()) return;
  examples::Json json;
  json.add("task", translator.task).add("weights", hash_of(translator.model));
  add_score(json, score);
  examples::write_file(path, json.text() + "\n");
}

// The exit status: 1 also if sentences of the exam could not be translated.
int status_after(int status, const std::optional<ExamResult>& exam) {
  return exam && exam->faulty > 0 ? 1 : status;
}

// With --load and nothing to train: translations, perhaps an exam, and nothing else.
int only_translate(const Translator& translator, const Options& options, Search search) {
  const auto exam = take_exam(translator, options, {}, exam_lines(options), search);
  if (exam) write_exam_metrics(options.metrics, translator, exam->score);
  fmt::print("{}", lines_of(translator, options.sentences, search, options.nbest));
  return status_after(serve(translator, options, search), exam);
}

// Trains if that was asked for. Otherwise the model is only saved, if --save is given.
Training train_or_save(Translator& translator, const Corpus& corpus, const Options& options,
                       History& history) {
  if (options.trains()) return learn(translator, corpus, options, history);
  if (!options.save.empty()) {
    translator.save(options.save);
    fmt::print("saved {}\n", options.save);
  }
  return {};
}

// Sentences of the test, then those of --translate, and a picture of where the model looked.
void show_translations(const Translator& translator, const Corpus& corpus, const Options& options,
                       Search search) {
  show_samples(translator, corpus);
  for (const std::string& text : options.sentences)
    fmt::print("\n{}\n{}{}", text, options.nbest == 0 ? "  " : "",
               lines_of(translator, {&text, 1}, search, options.nbest));
  show_attention(translator, options.sentences.empty()
                                 ? typical(corpus.test)
                                 : translator.tokens_of(options.sentences[0]));
}

// The marks on the held-out pairs, and what the model does with some of them.
Marks mark_and_show(const Translator& translator, const Corpus& corpus, const Options& options,
                    const Training& training, Search search) {
  const Marks marks = mark(translator, corpus, search);
  show_marks(marks, corpus, training, search.beams);
  show_translations(translator, corpus, options, search);
  return marks;
}

// Trains the loaded model or a new one, marks it, and shows what it has learnt.
int train_and_mark(std::optional<Translator> loaded, const Options& options, Search search) {
  // The sentences of the exam are read first: a fault in a file must not come up after a training.
  const std::optional<LinePairs> exam_of = exam_lines(options);

  // A model and the sentences for it.
  if (loaded) expect_its_corpus(*loaded, options);
  const Corpus corpus = make_corpus(options, loaded);
  Translator translator = loaded ? std::move(*loaded) : Translator::create(corpus, options);
  for (const std::string& text : options.sentences) translator.expect_translatable(text);
  show_sizes(translator, corpus);
  show_notes(corpus, options);

  // Train.
  History history;
  const Training training = train_or_save(translator, corpus, options, history);
  if (training.stopped) return examples::interrupted_exit();

  // Mark and show.
  Marks marks = mark_and_show(translator, corpus, options, training, search);
  const auto exam = take_exam(translator, options, training, exam_of, search);
  if (exam) marks.test = exam->score;
  write_files(options, translator, corpus, training, history, marks);
  return status_after(serve(translator, options, search), exam);
}

int run(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  const Search search{.beams = options.recipe.beams,
                      .length_penalty = options.recipe.length_penalty};
  prepare(options);
  if (options.mode == Mode::score) {
    fmt::print("{}", score_files(options));
    return 0;
  }
  std::optional<Translator> loaded = load_if_asked(options);
  if (options.mode == Mode::translate) return only_translate(*loaded, options, search);
  return train_and_mark(std::move(loaded), options, search);
}

}  // namespace

}  // namespace translate

int main(int argc, char** argv) {
  return examples::program("translate", [&] { return translate::run(argc, argv); });
}
