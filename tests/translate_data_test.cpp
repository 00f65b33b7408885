// # The data of translate
//
// Sentences are cut, numbered and batched without loss, bad files are refused with a reason, and
// the made-up tasks are right, and their held-out pairs are never used for training.
#include <fmt/format.h>

#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "examples/translate/tasks.h"
#include "examples/translate/text.h"
#include "tests/catch.h"
#include "tests/folder.h"

namespace translate_data_test {

using namespace translate;
using glass::files::Folder;

namespace {

const Corpus& task(const std::string& name) {
  static std::map<std::string, Corpus> made;
  const auto found = made.find(name);
  return found != made.end() ? found->second : made.emplace(name, make_task(name)).first->second;
}

std::string text_of(const Corpus& corpus, const Sentence& sentence) {
  return join(corpus.unit, sentence);
}

// A sentence without its full stop, which counts as the same sentence.
std::string key_of(const Corpus& corpus, const Pair& pair) {
  std::string text = text_of(corpus, corpus.name == "dates" ? pair.target : pair.source);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string message_of(const TextFiles& files) {
  try {
    read_corpus(files);
  } catch (const glass::FileError& error) {
    return error.what();
  }
  return "";
}

std::string numbered_lines(int n) {
  std::string text;
  for (int i = 0; i < n; ++i) text += fmt::format("line {}\n", i);
  return text;
}

}  // namespace

// ---- tokens ----

TEST_CASE("words are cut as the table says, and joined as people write them") {
  struct Row {
    std::string text;
    Sentence tokens;
    std::string joined;
  };
  const std::vector<Row> table = {
      {"", {}, ""},
      {" \t\r\n\u00a0\u3000", {}, ""},
      {"Two dogs.", {"two", "dogs", "."}, "two dogs."},
      {"Wait , what ?!", {"wait", ",", "what", "?", "!"}, "wait, what?!"},
      {"L'homme qu’il voit", {"l'", "homme", "qu'", "il", "voit"}, "l'homme qu'il voit"},
      {"The man's dog doesn't",
       {"the", "man", "'s", "dog", "doesn", "'t"},
       "the man's dog doesn't"},
      {"Aujourd'hui", {"aujourd", "'hui"}, "aujourd'hui"},
      {"a T-shirt - new", {"a", "t-shirt", "-", "new"}, "a t-shirt - new"},
      {"3.5 of 1,000, at 12:30.",
       {"3.5", "of", "1,000", ",", "at", "12:30", "."},
       "3.5 of 1,000, at 12:30."},
      {"2nd (not MP3)", {"2nd", "(", "not", "mp3", ")"}, "2nd (not mp3)"},
      {"He said \"no\" twice", {"he", "said", "\"", "no", "\"", "twice"}, "he said \"no\" twice"},
      {"ein „Zug“ fährt", {"ein", "„", "zug", "“", "fährt"}, "ein „zug“ fährt"},
      {"“Quoted”…", {"“", "quoted", "”", "…"}, "“quoted”…"},
      {"<s> </s>", {"<", "s", ">", "<", "/", "s", ">"}, "< s > < / s >"},
      {"ŒUFS, ÉTÉ, ΑΘΉΝΑ, МОСКВА",
       {"œufs", ",", "été", ",", "αθήνα", ",", "москва"},
       "œufs, été, αθήνα, москва"},
  };
  for (const auto& [text, tokens, joined] : table) {
    INFO(text);
    CHECK(tokenize(Unit::words, text) == tokens);
    CHECK(join(Unit::words, tokens) == joined);
    CHECK(tokenize(Unit::words, joined) == tokens);
  }
}

TEST_CASE("characters are code points, and join to the same text") {
  const std::string text = "aß €😀";
  const Sentence tokens = tokenize(Unit::characters, text);
  CHECK(tokens == Sentence{"a", "ß", " ", "€", "😀"});
  CHECK(join(Unit::characters, tokens) == text);
}

TEST_CASE("lower case follows Unicode") {
  CHECK(lower_case("ÀÖØÞ ×÷ ß ÿ") == "àöøþ ×÷ ß ÿ");
  CHECK(lower_case("ĀĐĲĹŇŊŶŸŹŽ ſĸŉ") == "āđĳĺňŋŷÿźž ſĸŉ");
  CHECK(lower_case("ΆΈΌΏΑΡΣΫ ς") == "άέόώαρσϋ ς");
  CHECK(lower_case("ЀЏАЯѠҊӀӁԮ") == "ѐџаяѡҋӏӂԯ");
  CHECK(lower_case("ẞẠỸ ƠƯ Ș Ǎ Ա") == "ßạỹ ơư ș ǎ ա");
}

TEST_CASE("invalid UTF-8 is found at its first byte") {
  struct Row {
    std::string bytes;
    std::optional<std::size_t> at;
  };
  const std::vector<Row> table = {
      {"", {}},
      {"plain", {}},
      {"\x7F\xC2\x80\xDF\xBF", {}},
      {"\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF", {}},
      {"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", {}},
      {"ab\x80", 2},  // a continuation alone
      {"é\xC3", 2},   // cut short
      {"\xE2\x82", 0},
      {"\xF0\x9F\x98", 0},
      {"\xC3(", 0},  // no continuation
      {"\xE2\x82(", 0},
      {"\xC0\x80", 0},  // overlong
      {"\xC1\xBF", 0},
      {"\xE0\x9F\xBF", 0},
      {"\xF0\x8F\xBF\xBF", 0},
      {"x\xED\xA0\x80", 1},  // surrogates
      {"\xED\xBF\xBF", 0},
      {"\xF4\x90\x80\x80", 0},  // beyond U+10FFFF
      {"\xF5\x80\x80\x80", 0},
      {"\xFF\xFE", 0},
  };
  for (const auto& [bytes, at] : table) {
    CAPTURE(bytes);
    CHECK(find_invalid_utf8(bytes) == at);
    if (at) CHECK_THROWS_AS(tokenize(Unit::words, bytes), glass::FileError);
  }
}

// ---- vocabularies ----

TEST_CASE("a vocabulary numbers frequent words first, ties by alphabet") {
  const std::vector<Pair> pairs = {{{"b", "a", "c", "c"}, {"x"}}, {{"b", "a", "d"}, {"y"}}};
  const Vocabulary words(pairs, &Pair::source, 2);
  REQUIRE(words.size() == 7);
  CHECK(words.word(0) == "<pad>");
  CHECK(words.word(1) == "<unk>");
  CHECK(words.word(2) == "<s>");
  CHECK(words.word(3) == "</s>");
  CHECK(words.encode({"a", "b", "c", "d"}) == std::vector<int>{4, 5, 6, Vocabulary::unknown});
  CHECK(Vocabulary(pairs, &Pair::source, 1).id("d") == 7);
  CHECK(Vocabulary().size() == 4);
  CHECK_THROWS_AS(words.word(7), glass::ShapeError);
  CHECK_THROWS_AS(words.word(-1), glass::ShapeError);
}

TEST_CASE("decoding undoes encoding, and stops before </s>") {
  const Vocabulary words({"le", "chat", " "});
  const Sentence sentence = {"chat", " ", "le", "le"};
  CHECK(words.decode(words.encode(sentence)) == sentence);
  CHECK(words.decode(std::vector<int>{2, 4, 1, 3, 5, 0}) == Sentence{"le", "<unk>"});
  CHECK(words.decode(std::vector<int>{}) == Sentence{});
}

TEST_CASE("a vocabulary survives as text") {
  for (const std::string name : {"dates", "phrases"}) {
    const Vocabulary& words = task(name).source_words;
    const Vocabulary again = Vocabulary::from_text(words.to_text());
    REQUIRE(again.size() == words.size());
    for (int id = 0; id < words.size(); ++id) CHECK(again.word(id) == words.word(id));
  }
  CHECK(Vocabulary::from_text("").size() == 4);
  CHECK_THROWS_AS(Vocabulary::from_text("a\nb\na"), glass::FileError);
  CHECK_THROWS_AS(Vocabulary::from_text("<pad>"), glass::FileError);
}

// ---- files ----

TEST_CASE("parallel text is read with a byte order mark, CRLF, blank lines and no last newline") {
  const Folder folder;
  TextFiles files;
  files.source = folder.write("a", "\xEF\xBB\xBFOne.\r\n\r\nTwo\n\nonly here\nthree four five");
  files.target = folder.write("b", "Eins.\n\nZwei\r\n \n\ndrei vier\n");
  files.valid_source = folder.write("c", "one\none\n");
  files.valid_target = folder.write("d", "eins\n\n");
  files.max_tokens = 2;
  files.min_count = 1;
  const Corpus corpus = read_corpus(files);
  CHECK(corpus.train == std::vector<Pair>{{{"one", "."}, {"eins", "."}}, {{"two"}, {"zwei"}}});
  CHECK(corpus.valid == std::vector<Pair>{{{"one"}, {"eins"}}});
  CHECK(corpus.test == corpus.valid);
  CHECK(corpus.blank == 2);
  CHECK(corpus.overlong == 1);
  CHECK(corpus.encode(corpus.train[0]).source == corpus.source_words.encode({"one", "."}));
  Rng rng(1);
  CHECK(next_pass(corpus, rng).size() == 2);
}

TEST_CASE("without validation files a twentieth of the pairs is held out") {
  const Folder folder;
  const std::string lines = numbered_lines(400);
  const auto a = folder.write("a", lines + lines), b = folder.write("b", lines + lines);
  const TextFiles files{.source = a, .target = b};
  const Corpus corpus = read_corpus(files);
  CHECK(corpus.valid.size() == 40);
  std::set<Sentence> held_out;
  for (const Pair& pair : corpus.valid) held_out.insert(pair.source);
  for (const Pair& pair : corpus.train) CHECK(!held_out.contains(pair.source));
  CHECK(corpus.train.size() == 800 - 2 * held_out.size());
  CHECK(read_corpus(files).valid == corpus.valid);
}

TEST_CASE("a bad file is refused with its name and what is wrong") {
  const Folder folder;
  const auto two = folder.write("two", "a b\nc d\n"), three = folder.write("three", "a\nb\nc\n");
  const auto empty = folder.write("empty", ""), mark = folder.write("mark", "\xEF\xBB\xBF");
  const auto blank = folder.write("blank", "\n \n"), one = folder.write("one", "a\na\n");
  const auto latin1 = folder.write("latin1", "fine\n\xC3\xA9t\xE9\n");
  const auto missing = (folder.path / "missing").string();
  const std::vector<std::pair<TextFiles, std::string>> table = {
      {{.source = two, .target = three},
       two + " and " + three + ": expected as many lines in both; got 2 and 3"},
      {{.source = empty, .target = two},
       empty + ": expected one sentence a line; got an empty file"},
      {{.source = two, .target = mark}, mark + ": expected one sentence a line; got an empty file"},
      {{.source = missing, .target = two}, missing + ": expected a readable text file"},
      {{.source = two, .target = folder.path.string()}, "expected a text file; got a directory"},
      {{.source = two, .target = latin1},
       latin1 + ": expected UTF-8; got byte 0xe9 at line 2, byte 4"},
      {{.source = blank, .target = two}, "expected sentence pairs of at most 60 tokens; got none"},
      {{.source = one, .target = two}, "expected two different sentences"},
      {{.source = two, .target = two, .valid_source = two}, "expected both validation files"},
      {{.source = two, .target = two, .valid_source = two, .valid_target = three},
       three + ": expected as many lines in both; got 2 and 3"},
  };
  for (const auto& [files, expected] : table) {
    const std::string message = message_of(files);
    INFO(expected);
    CHECK_THAT(message, Catch::Matchers::ContainsSubstring(expected));
    CHECK(message.find('\n') == std::string::npos);
  }
}

// ---- batches ----

TEST_CASE("batches hold every pair once, padded, and within their limits") {
  Rng rng(5);
  std::vector<Example> examples(333);
  for (Example& example : examples) {
    example.source.assign(static_cast<std::size_t>(rng.below(20)), 7);
    for (Index n = rng.below(20); n > 0; --n) example.target.push_back(4 + int(rng.below(9)));
  }
  for (const BatchOptions options : {BatchOptions{}, BatchOptions{.sentences = 1},
                                     BatchOptions{.sentences = 1000, .tokens = 100},
                                     BatchOptions{.sentences = 7, .tokens = 5}}) {
    std::vector<int> seen(examples.size(), 0);
    for (const Batch& batch : make_batches(examples, rng, options)) {
      const auto& [source, in, out, rows, target_tokens] = batch;
      const Index B = std::ssize(rows), S = source.length, T = in.length;
      REQUIRE(B >= 1);
      CHECK(B <= options.sentences);
      if (options.tokens > 0 && B > 1) CHECK(B * std::max(S, T) <= options.tokens);
      REQUIRE(source.batch == B);
      REQUIRE(in.batch == B);
      REQUIRE(std::ssize(source.ids) == B * S);
      REQUIRE(std::ssize(in.ids) == B * T);
      REQUIRE(std::ssize(out) == B * T);
      bool full_source = false, full_target = false;  // some row needs no padding
      Index tokens = 0;
      for (Index b = 0; b < B; ++b) {
        const auto row = static_cast<std::size_t>(rows[static_cast<std::size_t>(b)]);
        ++seen[row];
        std::vector<int> expected_source = examples[row].source,
                         expected_out = examples[row].target;
        std::vector<int> expected_in = {Vocabulary::start};
        expected_in.insert(expected_in.end(), expected_out.begin(), expected_out.end());
        expected_source.push_back(Vocabulary::stop);
        expected_out.push_back(Vocabulary::stop);
        full_source |= std::ssize(expected_source) == S;
        full_target |= std::ssize(expected_out) == T;
        tokens += std::ssize(expected_out);
        expected_source.resize(static_cast<std::size_t>(S), Vocabulary::pad);
        expected_in.resize(static_cast<std::size_t>(T), Vocabulary::pad);
        expected_out.resize(static_cast<std::size_t>(T), Vocabulary::pad);
        CHECK(
            std::equal(expected_source.begin(), expected_source.end(), source.ids.begin() + b * S));
        CHECK(std::equal(expected_in.begin(), expected_in.end(), in.ids.begin() + b * T));
        CHECK(std::equal(expected_out.begin(), expected_out.end(), out.begin() + b * T));
      }
      CHECK(full_source);
      CHECK(full_target);
      CHECK(target_tokens == tokens);
    }
    CHECK(std::all_of(seen.begin(), seen.end(), [](int n) { return n == 1; }));
  }
  CHECK(make_batches({}, rng).empty());
  CHECK_THROWS_AS(make_batches(examples, rng, {.sentences = 0}), glass::ShapeError);
}

TEST_CASE("bucketing leaves little padding, and the seed decides the order") {
  const Corpus& corpus = task("phrases");
  const std::vector<Example> examples = corpus.encode(corpus.test);
  Rng rng(1), same(1), other(2);
  const auto batches = make_batches(examples, rng, {.sentences = 32});
  Index cells = 0, tokens = 0;
  for (const Batch& batch : batches) {
    cells += std::ssize(batch.target_out);
    tokens += batch.target_tokens;
  }
  CHECK(static_cast<double>(tokens) > 0.85 * static_cast<double>(cells));
  CHECK(make_batches(examples, same, {.sentences = 32}).front().examples ==
        batches.front().examples);
  CHECK(make_batches(examples, other, {.sentences = 32}).front().examples !=
        batches.front().examples);
}

// ---- the tasks ----

TEST_CASE("held-out pairs are distinct, the same for every run, and never drawn for training") {
  for (const std::string name : {"copy", "reverse", "dates", "phrases"}) {
    INFO(name);
    const Corpus& corpus = task(name);
    CHECK(corpus.test.size() == 1000);
    CHECK(corpus.valid.size() == 500);
    std::set<std::string> held_out;
    for (const auto* pairs : {&corpus.test, &corpus.valid})
      for (const Pair& pair : *pairs) held_out.insert(key_of(corpus, pair));
    CHECK(held_out.size() == 1500);
    Rng rng(11);
    int met = 0;
    for (int i = 0; i < 5000; ++i) met += held_out.contains(key_of(corpus, corpus.sample(rng)));
    CHECK(met == 0);
  }
  CHECK(make_task("copy").test == task("copy").test);
}

TEST_CASE("every pair of a task fits its vocabulary and its longest length") {
  for (const std::string name : {"copy", "reverse", "dates", "phrases"}) {
    INFO(name);
    const Corpus& corpus = task(name);
    Rng rng(12);
    std::vector<Pair> pairs(3000);
    for (Pair& pair : pairs) pair = corpus.sample(rng);
    pairs.insert(pairs.end(), corpus.test.begin(), corpus.test.end());
    pairs.insert(pairs.end(), corpus.valid.begin(), corpus.valid.end());
    bool known = true, fits = true, whole = true;
    for (const Pair& pair : pairs) {
      for (const std::string& word : pair.source) known &= corpus.source_words.id(word) >= 4;
      for (const std::string& word : pair.target) known &= corpus.target_words.id(word) >= 4;
      fits &= std::max(std::ssize(pair.source), std::ssize(pair.target)) <= corpus.max_tokens;
      whole &= tokenize(corpus.unit, text_of(corpus, pair.source)) == pair.source;
      whole &= tokenize(corpus.unit, text_of(corpus, pair.target)) == pair.target;
    }
    CHECK(known);
    CHECK(fits);
    CHECK(whole);
  }
}

TEST_CASE("copy and reverse say which letter each letter comes from") {
  for (const std::string name : {"copy", "reverse"}) {
    const Corpus& corpus = task(name);
    REQUIRE(corpus.alignment);
    CHECK(corpus.source_words.size() == 14);
    Rng rng(13);
    for (int i = 0; i < 50; ++i) {
      const auto [source, target] = corpus.sample(rng);
      REQUIRE(source.size() == 16);
      REQUIRE(target.size() == 16);
      for (Index t = 0; t < 16; ++t)
        CHECK(target[static_cast<std::size_t>(t)] ==
              source[static_cast<std::size_t>(corpus.alignment(t, 16))]);
      CHECK(corpus.alignment(0, 16) == (name == "copy" ? 0 : 15));
    }
  }
  CHECK(!task("dates").alignment);
}

TEST_CASE("an unknown task is refused, and the known ones are named") {
  CHECK_THROWS_WITH(make_task("sums"),
                    "make_task: expected one of copy, reverse, dates and phrases; got \"sums\"");
}

// ---- dates ----

namespace {

// Reads a date without a calendar library: a four-digit number is the year, a word tells the
// month, and of two other numbers the day comes first, unless the year did. Checks the weekday.
std::string read_date(const std::string& text) {
  static const std::string months = "janfebmaraprmayjunjulaugsepoctnovdec";
  static const std::string weekdays = "sunmontuewedthufrisat";
  std::vector<int> numbers;
  int year = 0, month = 0, weekday = -1;
  bool year_first = false;
  const std::string lower = lower_case(text) + " ";
  for (std::size_t i = 0; i + 1 < lower.size();) {
    std::size_t end = i;
    if (std::isdigit(static_cast<unsigned char>(lower[i]))) {
      while (std::isdigit(static_cast<unsigned char>(lower[end]))) ++end;
      const int number = std::stoi(lower.substr(i, end - i));
      if (end - i == 4)
        year_first = numbers.empty() && month == 0, year = number;
      else
        numbers.push_back(number);
      while (std::isalpha(static_cast<unsigned char>(lower[end]))) ++end;  // st, nd, rd, th
    } else if (std::isalpha(static_cast<unsigned char>(lower[i]))) {
      while (std::isalpha(static_cast<unsigned char>(lower[end]))) ++end;
      const std::string start = lower.substr(i, 3);
      if (end - i >= 3 && months.find(start) % 3 == 0 && months.find(start) < 36)
        month = static_cast<int>(months.find(start)) / 3 + 1;
      else if (end - i >= 3 && weekdays.find(start) % 3 == 0 && weekdays.find(start) < 21)
        weekday = static_cast<int>(weekdays.find(start)) / 3;
    } else {
      ++end;
    }
    i = end;
  }
  const auto expected = static_cast<std::size_t>(month == 0 ? 2 : 1);
  if (numbers.size() != expected) return "numbers: " + text;
  int day = numbers[0];
  if (month == 0) {
    month = numbers[1];
    if (year_first) std::swap(day, month);
  }

  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  const int lengths[] = {31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (year < 1900 || year > 2099 || month < 1 || month > 12) return "range: " + text;
  if (day < 1 || day > lengths[month - 1]) return "day: " + text;
  // Sakamoto's rule.
  const int shift[] = {0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4};
  const int y = month < 3 ? year - 1 : year;
  if (weekday >= 0 && weekday != (y + y / 4 - y / 100 + y / 400 + shift[month - 1] + day) % 7)
    return "weekday: " + text;
  return fmt::format("{:04}-{:02}-{:02}", year, month, day);
}

}  // namespace

TEST_CASE("every spelling of a date means its ISO date") {
  CHECK(read_date("the 3rd of May 2004") == "2004-05-03");
  CHECK(read_date("Sunday, 4 July 2004") == "2004-07-04");
  CHECK(read_date("Monday, 4 July 2004") == "weekday: Monday, 4 July 2004");
  CHECK(read_date("12/03/1987") == "1987-03-12");
  CHECK(read_date("1987/03/12") == "1987-03-12");
  CHECK(read_date("29.2.1900") == "day: 29.2.1900");
  const Corpus& corpus = task("dates");
  Rng rng(14);
  std::vector<Pair> pairs(4000);
  for (Pair& pair : pairs) pair = corpus.sample(rng);
  pairs.insert(pairs.end(), corpus.test.begin(), corpus.test.end());
  std::set<std::string> shapes;  // spellings, with digits and letters made alike
  for (const Pair& pair : pairs) {
    const std::string text = text_of(corpus, pair.source);
    CHECK(read_date(text) == text_of(corpus, pair.target));
    std::string shape = text;
    for (char& c : shape)
      c = std::isdigit(static_cast<unsigned char>(c))   ? '0'
          : std::isalpha(static_cast<unsigned char>(c)) ? 'a'
                                                        : c;
    shape.erase(std::unique(shape.begin(), shape.end()), shape.end());
    shapes.insert(shape);
  }
  CHECK(shapes.size() >= 10);
}

// ---- phrases ----

TEST_CASE("French follows its grammar") {
  // Each row was checked by hand against a grammar of French.
  const std::vector<std::pair<std::string, std::string>> table = {
      {"the cat is black", "le chat est noir"},
      {"the cow is white.", "la vache est blanche."},
      {"the actress sees the man", "l'actrice voit l'homme"},
      {"an old man draws a white house", "un vieil homme dessine une maison blanche"},
      {"the old king has an old church", "le vieux roi a une vieille église"},
      {"these old men are happy", "ces vieux hommes sont heureux"},
      {"this beautiful bird sings", "ce bel oiseau chante"},
      {"he has a new tree and", ""},
      {"she buys a new hat", "elle achète un nouveau chapeau"},
      {"she sees the new hotel", "elle voit le nouvel hôtel"},
      {"she sees the new hotels", "elle voit les nouveaux hôtels"},
      {"this man is not tired", "cet homme n'est pas fatigué"},
      {"this owl never sleeps", "ce hibou ne dort jamais"},
      {"the owl is grey", "le hibou est gris"},
      {"the beans are good", "les haricots sont bons"},
      {"i have an orange", "j'ai une orange"},
      {"i do not have an apple", "je n'ai pas de pomme"},
      {"i do not have any oranges", "je n'ai pas d'oranges"},
      {"we never eat any red apples", "nous ne mangeons jamais de pommes rouges"},
      {"we eat some apples", "nous mangeons des pommes"},
      {"we eat some small apples", "nous mangeons de petites pommes"},
      {"he does not eat the eggs", "il ne mange pas les œufs"},
      {"my aunt lives in a pretty house", "ma tante habite dans une jolie maison"},
      {"my actress loves", ""},
      {"my goose is with our sister", "mon oie est avec notre sœur"},
      {"his good goose is young", "sa bonne oie est jeune"},
      {"her church is near the tree", "son église est près de l'arbre"},
      {"the boy is near the hotel", "le garçon est près de l'hôtel"},
      {"the boy is near the hat", "le garçon est près du chapeau"},
      {"the girls are near the horses", "les filles sont près des chevaux"},
      {"the mouse is near a table", "la souris est près d'une table"},
      {"three horses look for two carrots", "trois chevaux cherchent deux carottes"},
      {"eight elephants arrive", "huit éléphants arrivent"},
      {"many children want an expensive book", "beaucoup d'enfants veulent un livre cher"},
      {"many owls sing", "beaucoup de hiboux chantent"},
      {"the very small mice live under the tables",
       "les très petites souris habitent sous les tables"},
      {"some very big dogs sleep", "de très grands chiens dorment"},
      {"some very sad dogs sleep", "des chiens très tristes dorment"},
      {"the french newspapers are bad", "les journaux français sont mauvais"},
      {"she is not happy", "elle n'est pas heureuse"},
      {"our uncles hear a horse", "nos oncles entendent un cheval"},
      {"i live behind the round table", "j'habite derrière la table ronde"},
      {"a big black dog does not hear the children",
       "un grand chien noir n'entend pas les enfants"},
      {"the clock is heavy", "l'horloge est lourde"},
      {"the blue knives are on the plate", "les couteaux bleus sont sur l'assiette"},
  };
  int translated = 0;
  for (const auto& [english, french] : table) {
    INFO(english);
    const Sentence words = tokenize(Unit::words, english);
    if (french.empty()) {
      CHECK_THROWS_AS(to_french(words), glass::StateError);
    } else {
      CHECK(join(Unit::words, to_french(words)) == french);
      ++translated;
    }
  }
  CHECK(translated >= 25);
}

TEST_CASE("what the grammar does not know is refused") {
  for (const std::string english :
       {"", ".", "the", "the cat", "the cat sees", "cat sees a dog", "the cat see a dog",
        "i am happy", "the cat sleeps sleeps", "a cats sleep", "two cat sleep",
        "the cat eats some hotels", "the cat eats any apples", "he does not sleeps", "the cat is",
        "is", "the cat is red red"}) {
    INFO(english);
    CHECK_THROWS_AS(to_french(tokenize(Unit::words, english)), glass::StateError);
  }
}

TEST_CASE("every drawn phrase is the translation of its English") {
  const Corpus& corpus = task("phrases");
  bool right = true;
  for (const Pair& pair : corpus.test) right &= to_french(pair.source) == pair.target;
  Rng rng(15);
  for (int i = 0; i < 1000; ++i) {
    const auto [source, target] = corpus.sample(rng);
    right &= to_french(source) == target;
  }
  CHECK(right);
}

TEST_CASE("phrases has some 150 words and more than 50,000 sentences") {
  const Corpus& corpus = task("phrases");
  CHECK(corpus.source_words.size() - 4 >= 140);
  CHECK(corpus.source_words.size() - 4 <= 165);
  if constexpr (!std::same_as<glass::Real, float>) return;  // once is enough
  Rng rng(16);
  std::set<std::string> sentences;
  for (int i = 0; i < 58'000; ++i) sentences.insert(key_of(corpus, corpus.sample(rng)));
  CHECK(sentences.size() > 50'000);
}

namespace {

// The adjectives of a sentence, each with its noun as the sentence has it: an adjective before a
// noun belongs to that noun, one at the end to the subject.
std::set<std::pair<std::string, std::string>> described(const Sentence& english) {
  static const std::set<std::string> adjectives = {
      "big", "small", "old",   "young",     "beautiful", "pretty", "new",  "good",
      "bad", "red",   "green", "blue",      "black",     "white",  "grey", "happy",
      "sad", "tired", "round", "expensive", "heavy",     "french"};
  std::set<std::pair<std::string, std::string>> pairs;
  std::string subject;
  for (std::size_t i = 0; i < english.size(); ++i) {
    if ((english[i] == "is" || english[i] == "are") && i > 0) subject = english[i - 1];
    if (!adjectives.contains(english[i])) continue;
    std::size_t noun = i;
    while (noun < english.size() && adjectives.contains(english[noun])) ++noun;
    const bool at_end = noun == english.size() || english[noun] == ".";
    if (!at_end)
      pairs.emplace(english[noun], english[i]);
    else if (subject != "he" && subject != "she")
      pairs.emplace(subject, english[i]);
  }
  return pairs;
}

}  // namespace

TEST_CASE("a tenth of the nouns with adjectives stand in held-out phrases only") {
  const Corpus& corpus = task("phrases");
  if constexpr (!std::same_as<glass::Real, float>) return;  // once is enough
  std::map<std::pair<std::string, std::string>, int> trained;
  Rng rng(17);
  for (int i = 0; i < 40'000; ++i)
    for (const auto& pair : described(corpus.sample(rng).source)) ++trained[pair];
  std::set<std::pair<std::string, std::string>> only_held_out;
  for (const auto* pairs : {&corpus.test, &corpus.valid})
    for (const Pair& sentence : *pairs)
      for (const auto& pair : described(sentence.source))
        if (!trained.contains(pair)) only_held_out.insert(pair);
  const double share = static_cast<double>(only_held_out.size()) /
                       static_cast<double>(only_held_out.size() + trained.size());
  INFO(fmt::format("{} of {}", only_held_out.size(), only_held_out.size() + trained.size()));
  CHECK(share > 0.09);
  CHECK(share < 0.11);

  // Training shows each adjective with many nouns, so the model can learn each.
  std::map<std::string, int> nouns;
  for (const auto& [pair, count] : trained) ++nouns[pair.second];
  CHECK(nouns.size() == 22);
  for (const auto& [adjective, count] : nouns) {
    INFO(adjective);
    CHECK(count >= 20);
  }
}

}  // namespace translate_data_test
