// # A training that is interrupted
//
// A resumed training gives the same bits, and is refused if its arguments or sentences differ. What
// a kill in the midst of a step does is tested from outside: tests/survival/run.
#include <fmt/format.h>

#include <sstream>

#include "examples/translate/marks.h"
#include "examples/translate/tasks.h"
#include "examples/translate/train_log.h"
#include "examples/translate/training.h"
#include "examples/translate/use.h"
#include "tests/catch.h"
#include "tests/folder.h"
#include "tests/threads.h"

namespace translate_training_test {

using namespace translate;
using Catch::Matchers::ContainsSubstring;
using glass::FileError;
using glass::files::Folder, glass::files::read;

namespace {

std::vector<std::string> lines_of(const std::string& path) {
  std::istringstream text(read(path));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

// Sixty pairs of one to eight words, of which the target is the source backwards.
TextFiles small_text(const Folder& folder) {
  std::string source, target;
  Rng rng(4);
  for (int i = 0; i < 60; ++i) {
    Sentence words;
    for (Index n = 1 + rng.below(8); n > 0; --n) words.push_back(fmt::format("w{}", rng.below(12)));
    source += join(Unit::words, words) + '\n';
    std::reverse(words.begin(), words.end());
    target += join(Unit::words, words) + '\n';
  }
  return {.source = folder.write("source", source), .target = folder.write("target", target)};
}

// A model so small that a step takes a millisecond, with all that has a state of its own.
Options small_options(const TextFiles& files) {
  Options o;
  o.files = files;
  o.recipe = {.dim = 8, .heads = 2, .layers = 1, .hidden = 16, .tied = true, .dropout = 0.2};
  o.recipe.steps = 23, o.recipe.epochs = 0;
  o.recipe.batch = 16, o.recipe.tokens = 64;
  o.recipe.rate = 0.01, o.recipe.warmup = 5;
  o.recipe.average = 0.8;
  o.recipe.log_every = 4;
  return o;
}

struct Run {
  Training training;
  History history;
  std::string file;  // its bytes
};

// Trains from the beginning, or continues from `options.save`. Stops early after the given number
// of steps.
Run run(const Corpus& corpus, const Options& options, Index until = 1'000'000) {
  Translator translator = Translator::create(corpus, options);
  Trainer trainer(translator, corpus, options);
  if (options.resume) trainer.resume(options.save);
  Watcher watcher;
  watcher.stop = [&] { return trainer.step() >= until; };
  const Training training = trainer.run(watcher);
  trainer.save(options.save);
  return {training, trainer.history(), read(options.save)};
}

bool same(const History& a, const History& b) {
  const auto points = [](const History& h) {
    std::string text = h.score_name;
    for (const auto& [step, loss, rate] : h.train)
      text += fmt::format(" {}:{},{}", step, loss, rate);
    for (const auto& [step, loss, score] : h.valid)
      text += fmt::format(" {}:{},{}", step, loss, score.value_or(-1));
    return text;
  };
  return points(a) == points(b);
}

}  // namespace

TEST_CASE("a resumed training gives the same bits, wherever it was interrupted") {
  const Folder folder;
  const Corpus corpus = read_corpus(small_text(folder));
  Options options = small_options(small_text(folder));
  options.save = folder / "whole";
  const Run whole = run(corpus, options);
  CHECK(!whole.training.stopped);
  CHECK(whole.training.steps == 23);
  const auto passes = whole.history.valid.size();
  CHECK(passes > 2);

  // Each step of the first pass and its borders, then some of the others; in between, all states
  // go through the file, and the threads change.
  options.save = folder / "part";
  for (const std::vector<Index>& stops :
       {std::vector<Index>{1}, {2, 3}, {4, 5, 6, 7, 8, 9}, {10, 17}, {22}, {23}}) {
    INFO("interrupted after " << stops.front());
    options.resume = false;
    int threads = 1;
    for (const Index stop : stops) {
      const glass::oracle::Threads some(threads++ % 3 + 1);
      const Run part = run(corpus, options, stop);
      CHECK(part.training.stopped);
      CHECK(part.training.steps == stop);
      options.resume = true;
    }
    const Run rest = run(corpus, options);
    CHECK(rest.file == whole.file);
    CHECK(rest.training.loss == whole.training.loss);
    CHECK(same(rest.history, whole.history));
  }
}

TEST_CASE("a made-up task, an untied model without a mean, and the other schedule resume too") {
  const Folder folder;
  const Corpus corpus = make_task("copy");
  Options options = small_options({});
  options.task = "copy";
  options.recipe.tied = false;
  options.recipe.average = 0;
  options.recipe.schedule = Schedule::inverse_sqrt;
  options.recipe.validate_every = 6;
  options.save = folder / "whole";
  const Run whole = run(corpus, options);
  CHECK(whole.history.valid.size() == 4);  // after 6, 12, 18 and 23 steps
  CHECK(whole.history.score_name == "exact match");
  options.save = folder / "part";
  run(corpus, options, 12);
  options.resume = true;
  CHECK(run(corpus, options).file == whole.file);
}

TEST_CASE("saves on the way change nothing, and each is a model and a beginning") {
  const Folder folder;
  const Corpus corpus = read_corpus(small_text(folder));
  Options options = small_options(small_text(folder));
  options.save = folder / "whole";
  options.checkpoint_every = 0;
  const Run whole = run(corpus, options);

  options.save = folder / "part";
  options.checkpoint_every = 5;
  Translator translator = Translator::create(corpus, options);
  Trainer trainer(translator, corpus, options);
  struct Killed {};
  Watcher watcher;
  watcher.progress = [](const Progress& p) {
    if (p.step == 18) throw Killed();
  };
  CHECK_THROWS_AS(trainer.run(watcher), Killed);
  CHECK(Translator::load(options.save).model.options.tied);
  options.resume = true;
  CHECK(run(corpus, options).file == whole.file);
}

TEST_CASE("the file keeps the weights of the best validation, and patience ends the training") {
  const Folder folder;
  const Corpus corpus = read_corpus(small_text(folder));
  Options options = small_options(small_text(folder));
  options.recipe.steps = 400;
  options.recipe.rate = 0.05;  // so large that the loss soon rises
  options.recipe.schedule = Schedule::inverse_sqrt;
  options.recipe.average = 0;
  options.recipe.patience = 3;
  options.save = folder / "model";
  const Run whole = run(corpus, options);
  const auto& valid = whole.history.valid;
  const auto best = std::ranges::min_element(valid, {}, &ValidPoint::loss);
  CHECK(whole.training.steps < 400);
  CHECK(!whole.training.stopped);
  CHECK(valid.end() - best == 4);
  CHECK(mean_loss(Translator::load(options.save), corpus.encode(corpus.valid)) == best->loss);

  // A finished training is not continued.
  Translator translator = Translator::create(corpus, options);
  Trainer trainer(translator, corpus, options);
  trainer.resume(options.save);
  CHECK(trainer.finished());
  CHECK(trainer.step() == whole.training.steps);
  CHECK(same(trainer.history(), whole.history));
  CHECK(mean_loss(translator, corpus.encode(corpus.valid)) == best->loss);
}

TEST_CASE("a training is not resumed with other arguments or other sentences") {
  const Folder folder;
  const Corpus corpus = read_corpus(small_text(folder));
  Options options = small_options(small_text(folder));
  options.save = folder / "model";
  run(corpus, options, 3);
  const std::string before = read(options.save);
  const auto message = [&](const Corpus& c, const Options& o) -> std::string {
    try {
      Translator translator = Translator::create(c, o);
      Trainer(translator, c, o).resume(o.save);
    } catch (const FileError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(message(corpus, options) == "");

  Options other = options;
  other.recipe.rate = 0.02, other.recipe.dim = 16, other.seed = 2;
  CHECK_THAT(message(corpus, other),
             ContainsSubstring("--dim was 8 and is 16; --rate was 0.01 and is 0.02; --seed was 1 "
                               "and is 2"));
  other = options;
  other.threads = 3, other.log = folder / "log", other.checkpoint_every = 1;  // these may change
  CHECK(message(corpus, other) == "");

  Corpus longer = corpus;
  longer.train.push_back(longer.train.front());
  CHECK_THAT(message(longer, options), ContainsSubstring("other sentences"));

  const Translator plain = Translator::create(corpus, options);
  plain.save(options.save);
  CHECK_THAT(message(corpus, options), ContainsSubstring("holds a model, but no training"));
  for (const std::size_t size : {std::size_t{0}, std::size_t{100}, before.size() - 1}) {
    folder.write("model", before.substr(0, size));
    CHECK(message(corpus, options) != "");
  }
}

TEST_CASE("a training from before there were subwords is resumed") {
  const Folder folder;
  const Corpus corpus = read_corpus(small_text(folder));
  Options options = small_options(small_text(folder));
  options.save = folder / "model";
  run(corpus, options, 3);
  // The same length, so that the file stays one: a name that no option has.
  std::string bytes = read(options.save);
  for (const std::string name :
       {"subwords=", "joint=", "inner-dropout=", "bpe-dropout=", "accumulate="}) {
    const std::size_t at = bytes.find(name);
    REQUIRE(at != std::string::npos);
    bytes.replace(at, name.size() - 1, std::string(name.size() - 1, 'x'));
  }
  folder.write("model", bytes);
  options.resume = true;
  CHECK(run(corpus, options).training.steps == 23);

  folder.write("model", bytes);
  options.recipe.accumulate = 2;
  CHECK_THROWS_WITH(run(corpus, options), ContainsSubstring("--accumulate was 1 and is 2"));
  options.recipe.accumulate = 1;
  options.files.subwords = 100;
  CHECK_THROWS_WITH(run(corpus, options), ContainsSubstring("--subwords was 0 and is 100"));
}

// ---- several batches in a step ----

namespace {

// The loss and the norm of the gradient of each step of a training.
std::vector<double> course_of(const Corpus& corpus, Options options) {
  options.recipe.log_every = 1;
  Translator translator = Translator::create(corpus, options);
  Trainer trainer(translator, corpus, options);
  std::vector<double> course;
  Watcher watcher;
  watcher.logged = [&](const Progress& p, const TrainPoint& point) {
    course.push_back(point.loss);
    course.push_back(p.grad_norm);
  };
  trainer.run(watcher);
  return course;
}

}  // namespace

TEST_CASE("batches whose gradients are added are one large batch, however their lengths differ") {
  const Folder folder;
  Corpus corpus = read_corpus(small_text(folder));
  corpus.train.resize(14);
  Options options = small_options(small_text(folder));
  options.recipe.dropout = 0;  // each batch would draw its own
  options.recipe.steps = 5;
  options.recipe.tokens = 0;
  options.recipe.batch = 14;
  const std::vector<double> large = course_of(corpus, options);
  const auto differs = [&](const std::vector<double>& other) {
    REQUIRE(other.size() == large.size());
    double worst = 0;
    for (std::size_t i = 0; i < large.size(); ++i)
      worst = std::max(worst, std::abs(other[i] - large[i]) / large[i]);
    return worst;
  };

  // 14 sentences of 1 to 8 words, in batches of 1 to 4. The last batch of a pass may be smaller.
  for (const Index batch : {1, 3, 4}) {
    options.recipe.batch = batch;
    options.recipe.accumulate = 14;
    CHECK(differs(course_of(corpus, options)) < 1e-4);
    options.recipe.accumulate = 2;
    CHECK(differs(course_of(corpus, options)) > 1e-2);
  }
}

TEST_CASE(
    "steps, validations, the log and the schedule count steps of the optimiser, not batches") {
  const Folder folder;
  const Corpus corpus = read_corpus(small_text(folder));
  Options options = small_options(small_text(folder));
  options.recipe.steps = -1;
  options.recipe.epochs = 3;
  options.recipe.tokens = 0;
  options.recipe.batch = 8;  // 57 pairs: 8 batches a pass
  options.recipe.accumulate = 3;
  options.save = folder / "model";
  const Run all = run(corpus, options);
  CHECK(corpus.train.size() == 57);
  CHECK(all.training.steps == 9);  // 3 + 3 + 2 batches a pass
  REQUIRE(all.history.valid.size() == 3);
  CHECK(all.history.valid[0].step == 3);
  CHECK(all.history.valid[2].step == 9);
  CHECK(all.history.train.back().step == 9);
  CHECK(all.history.train.back().rate < all.history.train.front().rate);
}

TEST_CASE("a training with added gradients is resumed with the same bits") {
  const Folder folder;
  const Corpus corpus = read_corpus(small_text(folder));
  Options options = small_options(small_text(folder));
  options.recipe.batch = 8;
  options.recipe.accumulate = 3;
  options.save = folder / "whole";
  const Run whole = run(corpus, options);
  CHECK(!whole.training.resumed);
  options.save = folder / "part";
  for (const Index stop : {1, 2, 3, 4, 11}) {
    const Run part = run(corpus, options, stop);
    CHECK(part.training.resumed == (stop > 1));
    options.resume = true;
  }
  CHECK(run(corpus, options).file == whole.file);
}

// ---- the log ----

TEST_CASE("the log tells every step once, though the training was resumed") {
  const Folder folder;
  const Corpus corpus = read_corpus(small_text(folder));
  Options options = small_options(small_text(folder));
  options.save = folder / "model";
  options.log = folder / "log";
  const auto logged = [&](Index until) {
    Translator translator = Translator::create(corpus, options);
    Trainer trainer(translator, corpus, options);
    if (options.resume) trainer.resume(options.save);
    TrainLog log = options.resume ? TrainLog(options.log, trainer.step(), trainer.history())
                                  : TrainLog(options.log);
    Watcher watcher;
    watcher.logged = [&](const Progress& p, const TrainPoint& point) { log.write(p, point); };
    watcher.validated = [&](const Progress& p, const ValidPoint& point) {
      log.write(p, point, "BLEU");
    };
    watcher.stop = [&] { return trainer.step() >= until; };
    trainer.run(watcher);
    trainer.save(options.save);
    std::vector<std::string> lines = lines_of(options.log);
    for (std::string& line : lines) {  // what the clock says differs
      const std::size_t at = line.find("\"tokens_per_second\""), end = line.find("\"grad_norm\"");
      if (at != std::string::npos) line.erase(at, end - at);
    }
    return lines;
  };
  const auto whole = logged(1000);
  CHECK(whole.front().starts_with("{\"step\": 4, \"epoch\": 1, \"loss\": "));
  CHECK(std::ranges::count_if(whole, [](const std::string& line) {
          return line.find("\"valid_loss\": ") != std::string::npos &&
                 line.find("\"bleu\": ") != std::string::npos;
        }) > 2);

  // The last save is of step 10; the log has gone on, and its last line is cut.
  logged(10);
  const std::string model = read(options.save);
  options.resume = true;
  logged(21);
  folder.write("model", model);
  folder.write("log", read(options.log) + "{\"step\": 24, \"epo");
  CHECK(logged(1000) == whole);

  folder.write("log", "{\"step\": 4, \"epoch\": 1}\nDear diary\n");
  CHECK_THROWS_WITH(TrainLog(options.log, 10, {}), ContainsSubstring("line 2 is none of"));
  CHECK_THROWS_AS(TrainLog(folder / "nowhere/log"), FileError);
}

// ---- translating ----

TEST_CASE("an unknown word is copied from where the model looked") {
  const Folder folder;
  const Corpus corpus = read_corpus(small_text(folder));
  const Translator translator = Translator::create(corpus, small_options({}));
  const Sentence source = {"w1", "Zebra", "w2"};
  const std::vector<int> target = {corpus.target_words.id("w2"), Vocabulary::unknown};
  const Sentence words = translator.spell(source, target);
  REQUIRE(words.size() == 2);
  CHECK(words[0] == "w2");
  const auto weights = translator.attention({corpus.source_words.encode(source), target});
  CHECK(weights.shape() == glass::Shape{3, 4});
  CHECK(words[1] == source[static_cast<std::size_t>(argmax(weights.slice(1, 0, 3), -1)[1])]);
}

TEST_CASE("many lines are translated as each alone, and blank ones stay blank") {
  const Folder folder;
  const Corpus corpus = read_corpus(small_text(folder));
  const Translator translator = Translator::create(corpus, small_options({}));
  const std::vector<std::string> texts = {"w1 w2 w3", "", "w4", "  ", "w5 w6 w7 w8 w9"};
  for (const Search search : {Search{}, Search{.beams = 3}}) {
    const auto together = translator.translate(texts, search);
    REQUIRE(together.size() == texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i)
      CHECK(together[i] == translator.translate(texts[i], search));
    CHECK(together[1].empty());
    CHECK(together[3].empty());
  }
}

TEST_CASE("n translations have falling scores and their probabilities, a line each") {
  const Folder folder;
  const Corpus corpus = read_corpus(small_text(folder));
  const Translator translator = Translator::create(corpus, small_options({}));
  const Search search{.beams = 4, .length_penalty = 0};
  const std::vector<std::string> texts = {"w1 w2 w3", "", "w4 w5"};
  const auto candidates = translator.candidates(texts, 3, search);
  REQUIRE(candidates.size() == 3);
  CHECK(candidates[0].size() == 3);
  REQUIRE(candidates[1].size() == 1);
  CHECK(candidates[1][0].text.empty());
  CHECK(candidates[1][0].log_p == 0);
  std::string expected;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    CHECK(candidates[i][0].text == translator.translate(texts[i], search));
    for (std::size_t rank = 0; rank < candidates[i].size(); ++rank) {
      const auto& [text, log_p] = candidates[i][rank];
      if (rank > 0) CHECK(log_p <= candidates[i][rank - 1].log_p);
      expected += fmt::format("{}\t{}\t{:.4f}\t{}\n", i + 7, rank + 1, log_p, text);
    }
  }
  CHECK(lines_of(translator, texts, search, 3, 7) == expected);
  CHECK(lines_of(translator, texts, search) ==
        fmt::format("{}\n\n{}\n", candidates[0][0].text, candidates[2][0].text));

  // The log-probability is that of the whole translation: ln p of every token, and of </s>.
  const auto decoded = translator.decode_several(
      std::vector<Example>{{translator.source_words.encode(tokenize(Unit::words, "w4 w5")), {}}}, 1,
      search);
  CHECK(decoded[0][0].log_p == candidates[2][0].log_p);

  // A file and a prompt number their lines from 1; a line that cannot be translated is empty.
  const auto in = folder.write("in", "w1 w2 w3\n\xFF\nw4 w5\n");
  const std::string out = folder / "out";
  CHECK(translate_file(translator, in, out, search, 3) == 1);
  CHECK(read(out) == lines_of(translator, texts, search, 3));
  std::istringstream typed("w1 w2 w3\n\nw4 w5\n");
  std::FILE* answers = std::fopen((folder / "prompt").c_str(), "w");
  CHECK(interact(translator, typed, answers, false, search, 3) == 0);
  std::fclose(answers);
  CHECK(read(folder / "prompt") == read(out));
}

TEST_CASE("how long a translation may become depends on its own source, not on other lines") {
  const Folder folder;
  const Corpus corpus = read_corpus(small_text(folder));
  const Translator translator = Translator::create(corpus, small_options({}));
  glass::Tensor bias = translator.model.output.bias.value();
  bias.data()[Vocabulary::stop] = -1000;  // no translation ends by itself
  const std::vector<std::string> texts = {"w1", "w2 w3 w4 w5 w6 w7 w8", "w9 w10 w11"};
  std::vector<Example> examples;
  for (const std::string& text : texts)
    examples.push_back({translator.source_words.encode(tokenize(Unit::words, text)), {}});
  for (const Search search : {Search{}, Search{.beams = 3}}) {
    const auto together = translator.decode(examples, search);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      CHECK(together[i].size() == 2 * examples[i].source.size() + 12);
      CHECK(together[i] == translator.decode({&examples[i], 1}, search)[0]);
    }
    const auto lines = translator.translate(texts, search);
    for (std::size_t i = 0; i < texts.size(); ++i)
      CHECK(lines[i] == translator.translate(texts[i], search));
  }
}

TEST_CASE("a file and a prompt read the same lines, whatever ends them or stands before them") {
  const Folder folder;
  const Corpus corpus = read_corpus(small_text(folder));
  const Translator translator = Translator::create(corpus, small_options({}));
  const std::string mark = "\xEF\xBB\xBF", out = folder / "out", prompt = folder / "prompt";
  for (const std::string& bytes :
       {std::string(), mark, mark + "\n", mark + "\r\n", std::string("\n"), std::string("\r"),
        std::string("w1"), mark + "w1", mark + "w1\r\nw2\n", "w1\n" + mark, "w1\n" + mark + "w2\n",
        "\n" + mark + "\n", mark + mark, mark + mark + "\n", std::string("w1\n\n\nw2")}) {
    INFO(fmt::format("{:?}", bytes));
    const Index faulty = translate_file(translator, folder.write("in", bytes), out, {});
    std::istringstream typed(bytes);
    std::FILE* answers = std::fopen(prompt.c_str(), "w");
    CHECK(interact(translator, typed, answers, false, {}) == faulty);
    std::fclose(answers);
    CHECK(read(prompt) == read(out));
  }
}

TEST_CASE("a file gives a line for each of its lines, an empty one where it cannot be translated") {
  const Folder folder;
  const Corpus corpus = read_corpus(small_text(folder));
  const Translator translator = Translator::create(corpus, small_options({}));
  const auto in = folder.write("in", "w1 w2\n\nw3\n");
  const std::string out = folder / "out";
  CHECK(translate_file(translator, in, out, {}) == 0);
  const std::string one = translator.translate("w1 w2"), two = translator.translate("w3");
  CHECK(read(out) == one + "\n\n" + two + "\n");

  // Too long by a token, too long by far, and not UTF-8.
  std::string tokens, lines;
  for (int i = 0; i < 62; ++i) tokens += "w3 ";
  for (int i = 0; i < 1000; ++i) lines += tokens;
  folder.write("in", "w1 w2\r\n" + tokens + "\nw3\n" + lines + "\n\xE9t\xE9\nw3");
  CHECK(translate_file(translator, in, out, {}) == 3);
  CHECK(read(out) == one + "\n\n" + two + "\n\n\n" + two + "\n");

  folder.write("in", "");
  CHECK(translate_file(translator, in, out, {}) == 0);
  CHECK(read(out).empty());
  CHECK_THROWS_AS(translate_file(translator, folder / "missing", out, {}), FileError);
}

TEST_CASE("a model file whose numbers are NaN or out of bounds is refused, and briefly") {
  const Folder folder;
  const Corpus corpus = read_corpus(small_text(folder));
  const Translator translator = Translator::create(corpus, small_options({}));
  const std::string digits(100'000, '9');
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"dropout", "nan"},
                                                        {"dropout", "1"},
                                                        {"dropout", "-0.1"},
                                                        {"dropout", "inf"},
                                                        {"inner_dropout", "nan"},
                                                        {"inner_dropout", "1"},
                                                        {"dim", "0"},
                                                        {"dim", "-8"},
                                                        {"dim", "nan"},
                                                        {"dim", digits},
                                                        {"layers", "0"},
                                                        {"layers", "1001"},
                                                        {"hidden", "-1"},
                                                        {"max_tokens", "0"},
                                                        {"task", "Reverse"},
                                                        {"task", digits}}) {
    INFO(name << " " << value.substr(0, 9));
    glass::nn::Metadata notes = translator.notes();
    notes[name] = value;
    glass::nn::save(translator.model, folder / "model", notes);
    std::string message;
    try {
      (void)Translator::load(folder / "model");
    } catch (const FileError& error) {
      message = error.what();
    }
    CHECK_THAT(message, ContainsSubstring("load: "));
    CHECK(message.size() < 300);
  }
  translator.save(folder / "model");
  CHECK_NOTHROW(Translator::load(folder / "model"));
}

TEST_CASE("the message about a line quotes little of it") {
  const Folder folder;
  const Corpus corpus = read_corpus(small_text(folder));
  const Translator translator = Translator::create(corpus, small_options({}));
  std::string text;
  while (text.size() < 100'000) text += "é ";
  try {
    translator.expect_translatable(text);
    FAIL("a line of 33,334 tokens was accepted");
  } catch (const glass::ShapeError& error) {
    const std::string message = error.what();
    CHECK_THAT(message, ContainsSubstring("at most 61 tokens; got 33334 in \"é é"));
    CHECK(message.size() < 200);
    CHECK(!find_invalid_utf8(message));
  }
}

TEST_CASE("a prompt answers every line with a line, and a bad one does not end it") {
  const Folder folder;
  const Corpus corpus = read_corpus(small_text(folder));
  const Translator translator = Translator::create(corpus, small_options({}));
  std::istringstream typed("w1 w2\r\n\n\xFF\n\r\nw3");
  std::FILE* out = std::fopen((folder / "out").c_str(), "w");
  CHECK(interact(translator, typed, out, false, {}) == 1);
  std::fclose(out);
  CHECK(read(folder / "out") ==
        translator.translate("w1 w2") + "\n\n\n\n" + translator.translate("w3") + "\n");
}

TEST_CASE("BLEU is of the lines as they stand in the file") {
  const Folder folder;
  const auto source = folder.write("a", "Eins.\nZwei!\n"),
             target = folder.write("b", "One.\nTWO!\n");
  const Corpus corpus = read_corpus(
      {.source = source, .target = target, .valid_source = source, .valid_target = target});
  CHECK(corpus.valid_references == std::vector<std::string>{"One.", "TWO!"});
  CHECK(corpus.test_references == corpus.valid_references);
  const Corpus task = make_task("phrases");
  CHECK(task.test_references.size() == task.test.size());
  CHECK(task.valid_references.size() == task.valid.size());
  CHECK(task.test_references[5] == join(task.unit, task.test[5].target));
}

}  // namespace translate_training_test
