// # Recipes, and the command line of translate
#include "examples/translate/options.h"

#include <CLI/CLI.hpp>

#include "examples/common/bounds.h"
#include "examples/common/options.h"
#include "examples/translate/option_rules.h"

namespace translate {

using examples::RealNumber;
using examples::WholeNumber;
using examples::within;

namespace {

// ---- recipes ----
// The sizes were found by trying: with them every seed that was tried learns the task, before the
// last step. The tasks copy and reverse have one head, so that this head must look at the token
// that it translates.

Recipe recipe_for(std::string_view name) {
  Recipe r;  // of text
  if (name == "copy" || name == "reverse") {
    r.dim = 64, r.heads = 1, r.layers = 1, r.hidden = 128;
    r.steps = 1200, r.epochs = 0;
    r.rate = 2e-3, r.warmup = 100, r.smoothing = 0;
  } else if (name == "dates") {
    r.dim = 64, r.heads = 4, r.layers = 2, r.hidden = 128, r.dropout = 0;
    r.steps = 3000, r.epochs = 0;
    r.rate = 2e-3, r.warmup = 200, r.smoothing = 0;
  } else if (name == "phrases") {
    r.dim = 96, r.heads = 4, r.layers = 2, r.hidden = 192, r.dropout = 0;
    r.steps = 3500, r.epochs = 0;
    r.rate = 2e-3, r.warmup = 300, r.smoothing = 0;
  } else {  // text
    r.beams = 4, r.length_penalty = 2;
  }
  if (name == "multi30k") {
    r.dim = 256, r.heads = 8, r.layers = 3, r.hidden = 512, r.tied = true;
    r.dropout = 0.3, r.inner_dropout = 0;
    r.epochs = 13, r.batch = 512, r.tokens = 768;
    r.rate = 1.4e-3, r.warmup = 800, r.average = 0.999, r.patience = 5;
  }
  return r;
}

// The merges of subwords that suit a recipe; none: words.
Index subwords_for(std::string_view name) { return name == "multi30k" ? 5000 : 0; }

// ---- the command line ----

const std::map<std::string, Schedule> schedules = {{"cosine", Schedule::cosine},
                                                   {"inverse-sqrt", Schedule::inverse_sqrt}};

// Replaces the name of a schedule by its number, which CLI11 then reads. Returns what is wrong.
std::string schedule_number(std::string& name) {
  const auto found = schedules.find(name);
  if (found == schedules.end()) return fmt::format("must be cosine or inverse-sqrt; got {}", name);
  name = std::to_string(static_cast<int>(found->second));
  return {};
}

constexpr WholeNumber any_number{};

// Which sentences it learns from.
void add_corpus(CLI::App& app, Options& o) {
  const auto add = [&](const char* name, auto& value, const char* text) {
    return app.add_option(name, value, text)->group("Sentences");
  };
  auto* task = add("--task", o.task,
                   "copy, reverse: sixteen letters; dates: any spelling to ISO 8601; phrases: "
                   "English to French")
                   ->type_name("NAME");
  auto* source = add("--source", o.files.source, "Sentences to translate, one a line")
                     ->type_name("FILE")
                     ->excludes(task);
  auto* target =
      add("--target", o.files.target, "Their translations, line by line")->type_name("FILE");

  // Source and target come together, and so do the two validation files.
  source->needs(target);
  target->needs(source);
  auto* valid_source = add("--valid-source", o.files.valid_source,
                           "Pairs to mark it on; without, a twentieth of the others is held out")
                           ->type_name("FILE")
                           ->needs(source);
  auto* valid_target =
      add("--valid-target", o.files.valid_target, "Their translations")->type_name("FILE");
  valid_source->needs(valid_target);
  valid_target->needs(valid_source);

  // What of the files is used, and how.
  within(add("--max-tokens", o.files.max_tokens, "Leave longer sentences out (60)"),
         WholeNumber{1, 10000});
  within(add("--min-count", o.files.min_count,
             "Rarer words become <unk>; with --subwords, rarer characters become bytes (2)"),
         WholeNumber{1, 1000000});
  add("--preset", o.preset,
      "multi30k: subwords, sizes and rates for some 30,000 short sentences and 45 minutes on two "
      "cores; other options change parts of it")
      ->type_name("NAME")
      ->check(CLI::IsMember({"multi30k"}))
      ->needs(source);
}

// What the tokens of the files are, if not words.
void add_subwords(CLI::App& app, Options& o) {
  const auto add = [&](const char* name, auto& value, const char* text) {
    return app.add_option(name, value, text)->group("Sentences");
  };
  within(add("--subwords", o.files.subwords,
             "Cut words into parts that are frequent, by so many merges in each language "
             "(byte-pair encoding; 4000 suits 30,000 sentences). No word is unknown then. Needed "
             "for languages that write no spaces. 0: words (0; 5000 with --preset)"),
         WholeNumber{0, 1000000});
  within(add("--joint", o.files.joint,
             "1: learn the merges from both languages together, with one vocabulary for both; with "
             "--tied 1 also one table (0)"),
         WholeNumber{0, 1});
  within(add("--bpe-dropout", o.recipe.bpe_dropout,
             "Share of merges left out by chance, other ones in each pass, so that a word is seen "
             "cut in several ways; 0.1 is usual (0)"),
         RealNumber{0, 0.99});
}

// The sizes of the model.
void add_model(CLI::App& app, Recipe& r) {
  const auto add = [&](const char* name, auto& value, const char* text) {
    return app.add_option(name, value, text)->group("Model");
  };
  // The sizes, and then dropout and tied tables.
  within(add("--dim", r.dim, "Width of the model"), WholeNumber{1, 65536});
  within(add("--heads", r.heads, "Attention heads; must divide the width"), WholeNumber{1, 65536});
  within(add("--layers", r.layers, "Layers of the encoder, and of the decoder"),
         WholeNumber{1, 1000});
  within(add("--hidden", r.hidden, "Width of the feed-forward layers"), WholeNumber{1, 1048576});
  within(add("--dropout", r.dropout,
             "Share of numbers forgotten in training: of what a layer adds, and of embeddings"),
         RealNumber{0, 0.99});
  within(add("--inner-dropout", r.inner_dropout,
             "The same inside layers: of attention weights, and of the hidden numbers of "
             "feed-forward layers (as --dropout; 0 with --preset)"),
         RealNumber{0, 0.99});
  within(add("--tied", r.tied,
             "1: the target's embedding is also the output layer and, with --joint 1, the source's "
             "embedding; 0: a table for each"),
         WholeNumber{0, 1});
}

// How long it is trained, and how.
void add_training(CLI::App& app, Options& o) {
  Recipe& r = o.recipe;
  const auto add = [&](const char* name, auto& value, const char* text) {
    return app.add_option(name, value, text)->group("Training");
  };
  auto* steps =
      within(add("--steps", r.steps, "Steps of learning, a batch each; 0 only marks"), any_number);
  within(add("--epochs", r.epochs, "The same, in passes over the text"), WholeNumber{1, 1000000})
      ->excludes(steps)
      ->needs("--source");

  // The batches, and how the weights are changed.
  within(add("--batch", r.batch, "Sentence pairs in a batch, at most"), WholeNumber{1, 100000});
  within(add("--batch-tokens", r.tokens, "Tokens in a batch, at most; 0: any number"), any_number);
  within(
      add("--accumulate", r.accumulate,
          "Batches in a step: their gradients are added up, as if they were one batch that is too "
          "large for the memory (1)"),
      WholeNumber{1, 100000});
  within(add("--rate", r.rate, "Largest learning rate"), RealNumber{0, 10, true});
  within(add("--warmup", r.warmup, "Steps over which the rate rises, at most all of them"),
         any_number);
  add("--schedule", r.schedule, "How the rate falls then: cosine (to 0) or inverse-sqrt")
      ->type_name("NAME")
      ->transform(CLI::Validator(schedule_number, "{cosine,inverse-sqrt}"));
  within(add("--smoothing", r.smoothing, "Label smoothing"), RealNumber{0, 0.99});
  within(add("--average", r.average,
             "Use a running mean of the weights, of which this share stays at each step; 0: none"),
         RealNumber{0, 0.999999});

  // When it is validated, and when it ends early.
  within(add("--validate-every", r.validate_every, "Steps between validations; 0: after each pass"),
         any_number);
  within(add("--patience", r.patience,
             "Stop after so many validations without a smaller loss; 0: never"),
         any_number);
  within(add("--seed", o.seed, "Of everything random (1)"), examples::any_seed);
  within(add("--threads", o.threads, "Threads to compute with; the results are the same"),
         WholeNumber{1, 1024});
}

// How a training survives an interruption, and its log.
void add_survival(CLI::App& app, Options& o) {
  const auto add = [&](const char* name, auto& value, const char* text) {
    return app.add_option(name, value, text)->group("Surviving");
  };
  // The checkpoint, then the log.
  auto* save = add("--save", o.save,
                   "Keep here the model of the best validation and, until the end, all that it "
                   "takes to go on; Ctrl-C finishes the step and saves")
                   ->type_name("FILE");
  within(add("--checkpoint-every", o.checkpoint_every,
             "Steps between saves (500); 0: only at the end"),
         any_number)
      ->needs(save);
  app.add_flag("--resume", o.resume,
               "Go on where the training saved in that file stopped; all other arguments as before")
      ->group("Surviving")
      ->needs(save);
  add("--log", o.log, "Write down the course of the training here, a JSON object a line")
      ->type_name("FILE");
  within(add("--log-every", o.recipe.log_every,
             "Steps that a line of it, and a point of the report's curve, tells of (50)"),
         WholeNumber{.least = 1});
}

// What is done with the model.
void add_use(CLI::App& app, Options& o) {
  const auto add = [&](const char* name, auto& value, const char* text) {
    return app.add_option(name, value, text)->group("Use");
  };
  add("--load", o.load,
      "Begin with this model; it is trained further only with --steps or --epochs")
      ->type_name("FILE");
  add("--metrics", o.metrics, "Write the marks here, as JSON")->type_name("FILE");
  add("--report", o.report, "Write a page with curves, sentences and attention here, as HTML")
      ->type_name("FILE");

  // What to translate, and how.
  add("--translate", o.sentences, "Translate this; may be given several times")->type_name("TEXT");
  auto* file = add("--translate-file", o.translate_file,
                   "Translate this, a sentence a line. A line that cannot be translated gives an "
                   "empty line, here and with --interactive; the program then ends with status 1")
                   ->type_name("FILE");
  add("--output", o.output, "Write the lines of --translate-file here, not to the terminal")
      ->type_name("FILE")
      ->needs(file);
  app.add_flag("--interactive", o.interactive, "Translate each line that is typed")->group("Use");
  within(add("--beams", o.recipe.beams, "Beginnings of a translation that are kept; 1 is fastest"),
         WholeNumber{1, 1000});
  within(add("--length-penalty", o.recipe.length_penalty,
             "The larger, the longer the translations (2 for text)"),
         RealNumber{0, 10});
  within(
      add("--nbest", o.nbest,
          "Write so many translations of each sentence, at most as many as --beams. A line each: "
          "the number of the sentence, the rank, ln of the probability, the text, with tabs "
          "between"),
      WholeNumber{1, 1000});
}

// How translations are marked.
void add_marking(CLI::App& app, Options& o) {
  const auto add = [&](const char* name, auto& value, const char* text) {
    return app.add_option(name, value, text)->group("Marking");
  };
  auto* source =
      add("--test-source", o.test.source,
          "Translate these sentences once, at the end, and print BLEU and chrF with their "
          "intervals, and a line for the table of docs/speedrun.md")
          ->type_name("FILE");
  auto* target = add("--test-target", o.test.target, "Their translations by people, line by line")
                     ->type_name("FILE")
                     ->needs(source);
  source->needs(target);

  // Files that any program wrote.
  auto* score = add("--score", o.score,
                    "Mark these translations, a sentence a line, in the same way. Needs no model")
                    ->type_name("FILE");
  auto* reference = add("--reference", o.reference, "Translations by people, line by line")
                        ->type_name("FILE")
                        ->needs(score);
  score->needs(reference);
  add("--baseline", o.baseline,
      "Translations by another system: print the difference, its interval and p (paired bootstrap)")
      ->type_name("FILE")
      ->needs(score);
  within(add("--lowercase", o.lowercase,
             "1: capitals count as small letters in these marks; 0: they do not (1)"),
         WholeNumber{0, 1});
}

// Reads the arguments into `o`. Returns the names of the options that were given.
std::set<std::string> parse(Options& o, int argc, char** argv) {
  CLI::App app(
      "Trains an encoder-decoder with cross-attention, marks it on pairs that it never saw, and "
      "shows "
      "where it looks.\n\n"
      "  translate --task reverse\n"
      "  translate --source train.de --target train.en --save model.safetensors\n"
      "  translate --source train.zh --target train.en --subwords 4000\n"
      "  translate --load model.safetensors --translate \"ein Hund läuft.\"\n"
      "  translate --load model.safetensors --interactive\n"
      "  translate --load model.safetensors --test-source test.de --test-target test.en\n"
      "  translate --score translations.en --reference test.en");
  // The groups of options, in the order of --help.
  add_corpus(app, o);
  add_subwords(app, o);
  add_model(app, o.recipe);
  add_training(app, o);
  add_survival(app, o);
  add_use(app, o);
  add_marking(app, o);
  examples::parse(app, argc, argv);
  return examples::given_options(app);
}

}  // namespace

namespace {

// What a model is trained on or was made for: that decides which recipe suits it.
std::string kind_of(const Options& o) {
  if (!o.preset.empty()) return o.preset;
  if (!o.task.empty()) return o.task;
  if (!o.files.source.empty()) return "text";
  if (o.load.empty()) return "reverse";
  const std::string task = glass::nn::read_metadata(o.load)["task"];
  return task.empty() ? "reverse" : task;
}

// The mode. A loaded model only translates if there is something to translate, and no option asks
// for training, or for marks on the held-out pairs of its corpus.
Mode mode_of(const Options& o, bool has_corpus, bool has_length) {
  if (!o.score.empty()) return Mode::score;
  const bool uses =
      !o.sentences.empty() || !o.translate_file.empty() || o.interactive || !o.test.source.empty();
  if (!o.load.empty() && !has_corpus && uses && !has_length) return Mode::translate;
  return o.trains() ? Mode::train : Mode::mark;
}

}  // namespace

Options parse_options(int argc, char** argv) {
  // The arguments are read twice. The first time tells the kind of corpus.
  Options first;
  const std::set<std::string> given = parse(first, argc, argv);
  const std::string kind = kind_of(first);

  // The second time changes the recipe that suits this kind. A length replaces the recipe's, and a
  // loaded model is trained only if a length is given.
  Options o;
  o.recipe = recipe_for(kind);
  if (first.load.empty()) o.files.subwords = subwords_for(kind);  // a loaded model has its own
  const bool has_length = given.contains("--steps") || given.contains("--epochs");
  if (has_length || !first.load.empty()) {
    o.recipe.steps = -1;
    o.recipe.epochs = 0;
  }
  parse(o, argc, argv);
  const bool has_corpus = !o.task.empty() || !o.files.source.empty();
  if (!has_corpus && o.load.empty()) o.task = kind;
  o.mode = mode_of(o, has_corpus, has_length);
  expect_effects(given, o);
  expect_distinct_files(o);
  return o;
}

// NOLINTNEXTLINE(readability-function-size): a table, one entry for each setting
Settings settings_of(const Options& o) {
  const Recipe& r = o.recipe;
  Settings settings;
  const auto add = [&](const char* name, const auto& value) {
    settings.emplace_back(name, fmt::format("{}", value));
  };
  // The corpus.
  add("task", o.task.empty() ? "text" : o.task);
  add("max-tokens", o.files.max_tokens);
  add("min-count", o.files.min_count);
  add("subwords", o.files.subwords);
  add("joint", int{o.files.joint});
  add("bpe-dropout", r.bpe_dropout);

  // The model.
  add("dim", r.dim);
  add("heads", r.heads);
  add("layers", r.layers);
  add("hidden", r.hidden);
  add("tied", int{r.tied});
  add("dropout", r.dropout);
  add("inner-dropout", r.inner());

  // The training.
  add("steps", r.steps);
  add("epochs", r.epochs);
  add("batch", r.batch);
  add("batch-tokens", r.tokens);
  add("accumulate", r.accumulate);
  add("schedule", r.schedule == Schedule::cosine ? "cosine" : "inverse-sqrt");
  add("rate", r.rate);
  add("warmup", r.warmup);
  add("smoothing", r.smoothing);
  add("average", r.average);
  add("validate-every", r.validate_every);
  add("patience", r.patience);
  add("log-every", r.log_every);
  add("seed", o.seed);
  return settings;
}

Settings settings_for(const std::string& name) {
  Options options;
  if (name != "multi30k" && name != "text") options.task = name;
  options.recipe = recipe_for(name);
  options.files.subwords = subwords_for(name);
  return settings_of(options);
}

}  // namespace translate
