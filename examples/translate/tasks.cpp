#include "examples/translate/tasks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <set>
#include <utility>

#include "examples/common/quote.h"

namespace translate {

using examples::shortened;
using glass::check;
using glass::StateError;

namespace {

// One random pair of a task. Pairs with the same key are held out together, or not at all.
struct Draw {
  Pair pair;
  std::string key;
  bool reserved = false;  // held out whatever its key
};

template <class Table>
const auto& pick(const Table& table, Rng& rng) {
  return table[static_cast<std::size_t>(rng.below(std::ssize(table)))];
}

template <class Table, class Condition>
const auto& pick_where(const Table& table, Rng& rng, Condition condition) {
  for (;;)
    if (const auto& entry = pick(table, rng); condition(entry)) return entry;
}

bool one_in(Index n, Rng& rng) { return rng.below(n) == 0; }

// ---- copy and reverse ----

Draw draw_letters(Rng& rng, bool reversed) {
  Draw draw;
  for (int i = 0; i < 16; ++i)
    draw.pair.source.emplace_back(1, pick(std::string_view("abcdefghij"), rng));
  draw.pair.target = draw.pair.source;
  if (reversed) std::reverse(draw.pair.target.begin(), draw.pair.target.end());
  draw.key = join(Unit::characters, draw.pair.source);
  return draw;
}

// ---- dates ----

// Every spelling has all four digits of the year, and numbers alone put the day first (except
// after the year), so each determines its date.
constexpr const char* spellings[] = {
    "{d} {month} {y}",             // 3 May 2004
    "{d} {mon} {y}",               // 12 Mar 1987
    "{d}-{mon}-{y}",               // 12-Mar-1987
    "{th} {month} {y}",            // 3rd May 2004
    "the {th} of {month} {y}",     // the 3rd of May 2004
    "{month} {d}, {y}",            // May 3, 2004
    "{mon} {d}, {y}",              // Mar 12, 1987
    "{month} the {th}, {y}",       // May the 3rd, 2004
    "{weekday}, {d} {month} {y}",  // Monday, 3 May 2004
    "{wday} {d} {mon} {y}",        // Thu 12 Mar 1987
    "{weekday}, the {th} of {month} {y}",
    "{dd}/{mm}/{y}",  // 12/03/1987
    "{d}.{m}.{y}",    // 12.3.1987
    "{y}/{mm}/{dd}",  // 1987/03/12
    "{y} {month} {d}",
};
constexpr std::string_view months[] = {"January",   "February", "March",    "April",
                                       "May",       "June",     "July",     "August",
                                       "September", "October",  "November", "December"};
constexpr std::string_view weekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                         "Thursday", "Friday", "Saturday"};

std::string_view ordinal_ending(unsigned day) {
  if (11 <= day && day <= 13) return "th";
  return day % 10 == 1 ? "st" : day % 10 == 2 ? "nd" : day % 10 == 3 ? "rd" : "th";
}

Draw draw_date(Rng& rng) {
  using namespace std::chrono;
  const sys_days first = year{1900} / 1 / 1, end = year{2100} / 1 / 1;
  const sys_days day = first + days{rng.below((end - first).count())};
  const year_month_day date = day;
  const int y = int{date.year()};
  const unsigned m = unsigned{date.month()}, d = unsigned{date.day()};
  const std::string_view month = months[m - 1],
                         weekday = weekdays[std::chrono::weekday(day).c_encoding()];

  std::string text = fmt::format(
      fmt::runtime(pick(spellings, rng)), fmt::arg("y", y), fmt::arg("m", m), fmt::arg("d", d),
      fmt::arg("mm", fmt::format("{:02}", m)), fmt::arg("dd", fmt::format("{:02}", d)),
      fmt::arg("th", fmt::format("{}{}", d, ordinal_ending(d))), fmt::arg("month", month),
      fmt::arg("mon", month.substr(0, 3)), fmt::arg("weekday", weekday),
      fmt::arg("wday", weekday.substr(0, 3)));
  const Index letters = rng.below(4);  // half as above, a quarter each in capitals and without
  if (letters == 0) text = lower_case(text);
  if (letters == 1)
    for (char& c : text)
      if ('a' <= c && c <= 'z') c = static_cast<char>(c - 'a' + 'A');

  const std::string iso = fmt::format("{:04}-{:02}-{:02}", y, m, d);
  return {{tokenize(Unit::characters, text), tokenize(Unit::characters, iso)}, iso};
}

// ---- phrases: the words ----

// What a noun is, so that nobody eats a hotel; adjectives, verbs and prepositions choose by it.
enum Kind : unsigned { person = 1, animal = 2, food = 4, thing = 8, place = 16 };
constexpr unsigned living = person | animal, lifeless = food | thing | place,
                   not_person = animal | lifeless, not_food = living | thing | place,
                   any_kind = living | lifeless;
constexpr bool m = false, f = true;  // gender

struct Noun {
  std::string_view one, french;
  bool feminine;
  unsigned kind;
  std::string_view many = {};  // where it is not one + s
};
struct Adjective {
  std::string_view english, masculine, feminine;
  unsigned kinds;
  bool before = false;          // beauty, age, goodness and size go before the noun
  std::string_view vowel = {};  // bel, in un bel homme
};
struct Verb {
  std::string_view base, third;           // see, sees
  std::array<std::string_view, 4> forms;  // je, il or elle, nous, ils or elles
  unsigned objects;                       // 0: takes none
};
struct Determiner {
  std::string_view english, masculine, feminine, plural;  // empty: not with that number
  bool quantity = false;  // names an amount, not known things: not after a preposition
};
struct Preposition {
  std::string_view english, french;
  unsigned kinds;
};
struct Pronoun {
  std::string_view english, be, french;
  std::size_t verb;  // which form
  bool feminine;
};
struct Denial {
  std::string_view be, does, plain, french;
};

// clang-format off
constexpr Noun nouns[] = {
    {"man", "homme", m, person, "men"}, {"woman", "femme", f, person, "women"},
    {"boy", "garçon", m, person}, {"girl", "fille", f, person},
    {"child", "enfant", m, person, "children"}, {"king", "roi", m, person},
    {"queen", "reine", f, person}, {"uncle", "oncle", m, person}, {"aunt", "tante", f, person},
    {"sister", "sœur", f, person}, {"actress", "actrice", f, person, "actresses"},
    {"cat", "chat", m, animal}, {"dog", "chien", m, animal}, {"horse", "cheval", m, animal},
    {"bird", "oiseau", m, animal}, {"owl", "hibou", m, animal}, {"cow", "vache", f, animal},
    {"mouse", "souris", f, animal, "mice"}, {"goose", "oie", f, animal, "geese"},
    {"elephant", "éléphant", m, animal}, {"apple", "pomme", f, food}, {"orange", "orange", f, food},
    {"egg", "œuf", m, food}, {"cake", "gâteau", m, food}, {"carrot", "carotte", f, food},
    {"bean", "haricot", m, food}, {"book", "livre", m, thing}, {"tree", "arbre", m, thing},
    {"table", "table", f, thing}, {"plate", "assiette", f, thing},
    {"knife", "couteau", m, thing, "knives"}, {"hat", "chapeau", m, thing},
    {"newspaper", "journal", m, thing}, {"clock", "horloge", f, thing},
    {"car", "voiture", f, place}, {"house", "maison", f, place},
    {"church", "église", f, place, "churches"}, {"hotel", "hôtel", m, place},
};

constexpr Adjective adjectives[] = {
    {"big", "grand", "grande", any_kind, true}, {"small", "petit", "petite", any_kind, true},
    {"old", "vieux", "vieille", any_kind, true, "vieil"}, {"young", "jeune", "jeune", living, true},
    {"beautiful", "beau", "belle", any_kind, true, "bel"},
    {"pretty", "joli", "jolie", any_kind, true},
    {"new", "nouveau", "nouvelle", any_kind, true, "nouvel"},
    {"good", "bon", "bonne", any_kind, true}, {"bad", "mauvais", "mauvaise", any_kind, true},
    {"red", "rouge", "rouge", not_person}, {"green", "vert", "verte", not_person},
    {"blue", "bleu", "bleue", not_person}, {"black", "noir", "noire", not_person},
    {"white", "blanc", "blanche", not_person}, {"grey", "gris", "grise", not_person},
    {"happy", "heureux", "heureuse", living}, {"sad", "triste", "triste", living},
    {"tired", "fatigué", "fatiguée", living}, {"round", "rond", "ronde", lifeless},
    {"heavy", "lourd", "lourde", not_person}, {"expensive", "cher", "chère", lifeless},
    {"french", "français", "française", any_kind},
};

constexpr Verb verbs[] = {
    {"see", "sees", {"vois", "voit", "voyons", "voient"}, any_kind},
    {"eat", "eats", {"mange", "mange", "mangeons", "mangent"}, food},
    {"look for", "looks for", {"cherche", "cherche", "cherchons", "cherchent"}, any_kind},
    {"buy", "buys", {"achète", "achète", "achetons", "achètent"}, not_person},
    {"draw", "draws", {"dessine", "dessine", "dessinons", "dessinent"}, any_kind},
    {"find", "finds", {"trouve", "trouve", "trouvons", "trouvent"}, any_kind},
    {"want", "wants", {"veux", "veut", "voulons", "veulent"}, not_person},
    {"have", "has", {"ai", "a", "avons", "ont"}, any_kind},
    {"hear", "hears", {"entends", "entend", "entendons", "entendent"}, living},
    {"sleep", "sleeps", {"dors", "dort", "dormons", "dorment"}, 0},
    {"sing", "sings", {"chante", "chante", "chantons", "chantent"}, 0},
    {"live", "lives", {"habite", "habite", "habitons", "habitent"}, 0},
    {"arrive", "arrives", {"arrive", "arrive", "arrivons", "arrivent"}, 0},
};
constexpr Verb to_be = {"be", "is", {"suis", "est", "sommes", "sont"}, any_kind};

constexpr Pronoun pronouns[] = {  // no you, no they: French has two of each
    {"he", "is", "il", 1, false}, {"she", "is", "elle", 1, true},
    {"i", "am", "je", 0, false}, {"we", "are", "nous", 2, false},
};

constexpr Denial denials[] = {
    {"not", "does not", "do not", "pas"}, {"never", "never", "never", "jamais"},
};
constexpr Determiner determiners[] = {
    {"the", "le", "la", "les"}, {"a", "un", "une", ""}, {"some", "", "", "des", true},
    {"this", "ce", "cette", ""}, {"these", "", "", "ces"},
    {"my", "mon", "ma", "mes"}, {"his", "son", "sa", "ses"}, {"her", "son", "sa", "ses"},
    {"our", "notre", "notre", "nos"}, {"many", "", "", "beaucoup de", true},
    {"two", "", "", "deux", true}, {"three", "", "", "trois", true}, {"five", "", "", "cinq", true},
    {"eight", "", "", "huit", true},
};
constexpr Preposition prepositions[] = {
    {"in", "dans", place}, {"on", "sur", thing}, {"under", "sous", thing},
    {"behind", "derrière", not_food}, {"near", "près de", not_food}, {"with", "avec", living},
};
// clang-format on

// ---- phrases: the grammar ----

std::string english_plural(const Noun& noun) {
  return noun.many.empty() ? fmt::format("{}s", noun.one) : std::string(noun.many);
}

std::string french_plural(std::string_view word) {
  if (word.ends_with('s') || word.ends_with('x')) return std::string(word);
  if (word.ends_with("al")) return fmt::format("{}ux", word.substr(0, word.size() - 1));
  return fmt::format("{}{}", word, word.ends_with("eau") || word == "hibou" ? "x" : "s");
}

std::string agree(const Adjective& adjective, bool feminine, bool plural) {
  const std::string_view one = feminine ? adjective.feminine : adjective.masculine;
  return plural ? french_plural(one) : std::string(one);
}

// Before a vowel or a mute h, short words are shortened; some h are not mute.
bool elides(std::string_view word) {
  static constexpr std::string_view vowels[] = {"a", "e", "i", "o", "u", "h", "â", "é", "ê", "œ"};
  static constexpr std::string_view aspirated[] = {"haricot", "hibou", "huit"};
  const auto starts = [&](std::string_view beginning) { return word.starts_with(beginning); };
  return std::any_of(std::begin(vowels), std::end(vowels), starts) &&
         std::none_of(std::begin(aspirated), std::end(aspirated), starts);
}

// What neighbours do to each other: le homme → l'homme, ma oie → mon oie, près de le → près du.
Sentence contract(std::string_view french) {
  const Sentence words = tokenize(Unit::words, french);
  static const std::map<std::string_view, std::string_view> before_vowel = {
      {"le", "l'"}, {"la", "l'"},  {"de", "d'"},  {"ne", "n'"},
      {"je", "j'"}, {"ce", "cet"}, {"ma", "mon"}, {"sa", "son"}};
  Sentence contracted;
  const auto at = [&](std::size_t i) { return i < words.size() ? words[i] : std::string(); };
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto vowel_form = before_vowel.find(words[i]);
    if (vowel_form != before_vowel.end() && elides(at(i + 1))) {
      contracted.emplace_back(vowel_form->second);
    } else if (at(i) == "de" && (at(i + 1) == "les" || (at(i + 1) == "le" && !elides(at(i + 2))))) {
      contracted.emplace_back(at(++i) == "le" ? "du" : "des");
    } else {
      contracted.push_back(words[i]);
    }
  }
  return contracted;
}

//   sentence    = subject (is [denial] (adjective | place) | [denial] verb [noun phrase | place])
//   subject     = pronoun | noun phrase
//   place       = preposition noun phrase
//   noun phrase = determiner [very] [adjective] [adjective] noun
//
// One walk over the grammar says both languages at once. Its choices come from dice, to draw a
// sentence, or from an English sentence, to translate it: so the English determines the French.
class Walk {
 public:
  explicit Walk(Rng& dice) : dice_(&dice) { sentence(); }
  explicit Walk(const Sentence& english) {
    for (const std::string& word : english) unread_.append(word == "an" ? "a" : word).append(" ");
    sentence();
  }

  std::string english, french;  // before contraction, each word followed by a space
  bool reserved = false;        // has a noun and an adjective that training never brings together

 private:
  enum class Role { plain, denied, after_preposition };
  struct Subject {
    std::string_view be;
    std::size_t verb;  // which of its forms
    bool feminine;
    const Noun* noun;  // none: a pronoun
  };

  void say(std::string_view words) { french.append(words).append(" "); }

  // Dice want one in n; a reader wants what stands there.
  bool chance(Index n) { return dice_ && one_in(n, *dice_); }

  bool word(std::string_view words, bool wanted) {
    if (!dice_) {
      const std::string_view rest = unread_;
      wanted = rest.starts_with(words) && rest.substr(words.size()).starts_with(' ');
      if (wanted) unread_.erase(0, words.size() + 1);
    }
    if (wanted) english.append(words).append(" ");
    return wanted;
  }

  // The entry of a table that dice pick, or that stands here by its English name; else none.
  template <class Entry, std::size_t n>
  const Entry* one_of(const Entry (&table)[n], auto name, auto fits, bool wanted = true) {
    if (dice_) {
      const Entry* entry = wanted ? &pick_where(table, *dice_, fits) : nullptr;
      if (entry) word(std::invoke(name, *entry), true);
      return entry;
    }
    const auto found = std::find_if(table, table + n, [&](const Entry& entry) {
      return fits(entry) && word(std::invoke(name, entry), false);
    });
    return found == table + n ? nullptr : found;
  }

  void must(bool known) const {
    check<StateError>(known, "to_french: expected a phrase of the grammar; got \"{}\" after \"{}\"",
                      shortened(unread_), shortened(english));
  }

  Subject noun_phrase(unsigned kinds, Role role) {
    const auto of_kind = [&](const Noun& n) { return (n.kind & kinds) != 0; };
    const Noun* noun = dice_ ? &pick_where(nouns, *dice_, of_kind) : nullptr;
    bool plural = chance(2);
    const auto name = [&](const Determiner& d) {
      return role == Role::denied && d.english == "some" ? "any" : d.english;
    };
    const Determiner* determiner = one_of(determiners, name, [&](const Determiner& d) {
      const bool has_number = !noun || !(plural ? d.plural : d.masculine).empty();
      return has_number && !(d.quantity && role == Role::after_preposition);
    });
    const bool one = chance(3), two = chance(3);
    const bool very = word("very", one != two && chance(4));
    const auto adjective = [&](bool goes_before, bool wanted) {
      const auto fits = [&](const Adjective& a) {
        return a.before == goes_before && (!noun || (a.kinds & noun->kind));
      };
      return one_of(adjectives, &Adjective::english, fits, wanted);
    };
    const Adjective* before = adjective(true, one);
    const Adjective* after = adjective(false, two);
    if (noun) {
      word(plural ? english_plural(*noun) : std::string(noun->one), true);
    } else if (noun = one_of(nouns, &Noun::one, of_kind); !noun) {
      noun = one_of(nouns, english_plural, of_kind);
      plural = true;
    }
    must(determiner && noun);
    reserve(noun, before);
    reserve(noun, after);

    // De stands for what is denied (pas de pomme), and for des before an adjective (de bons œufs).
    std::string_view article = plural           ? determiner->plural
                               : noun->feminine ? determiner->feminine
                                                : determiner->masculine;
    must(!article.empty());
    const bool indefinite = article == "un" || article == "une" || article == "des";
    if ((indefinite && role == Role::denied) || (article == "des" && before)) article = "de";
    const bool vowel = before && !before->vowel.empty() && !noun->feminine && !plural;
    say(article);
    if (very && before) say("très");
    if (before)
      say(vowel && elides(noun->french) ? std::string(before->vowel)
                                        : agree(*before, noun->feminine, plural));
    say(plural ? french_plural(noun->french) : std::string(noun->french));
    if (very && !before) say("très");
    if (after) say(agree(*after, noun->feminine, plural));
    return {plural ? "are" : "is", plural ? 3u : 1u, noun->feminine, noun};
  }

  // One in ten of all pairs of a noun and an adjective is kept for the test.
  void reserve(const Noun* noun, const Adjective* adjective) {
    if (noun && adjective) reserved |= ((noun - nouns) + 3 * (adjective - adjectives)) % 10 == 0;
  }

  Subject subject(unsigned kinds, bool described) {
    // I and we have no gender, which a French adjective must have.
    const auto fits = [&](const Pronoun& p) { return !described || p.verb == 1; };
    const Pronoun* pronoun = one_of(pronouns, &Pronoun::english, fits, chance(4));
    if (!pronoun) return noun_phrase(kinds, Role::plain);
    say(pronoun->french);
    return {pronoun->be, pronoun->verb, pronoun->feminine, nullptr};
  }

  void sentence() {
    const bool state = chance(3), placed = chance(2);
    const Subject who = subject(dice_ && !state ? living : any_kind, state && !placed);
    const bool is = word(who.be, state), third = who.verb == 1;
    const auto always = [](const auto&) { return true; };
    const auto denial_name = [&](const Denial& d) { return is ? d.be : third ? d.does : d.plain; };
    const Denial* denial = one_of(denials, denial_name, always, chance(2));
    const auto verb_name = third && denial != &denials[0] ? &Verb::third : &Verb::base;
    const Verb* verb = is ? &to_be : one_of(verbs, verb_name, always);
    must(verb);
    if (denial) say("ne");
    say(verb->forms[who.verb]);
    if (denial) say(denial->french);

    const bool goes_on = is ? placed : verb->objects == 0 && (verb->base == "live" || chance(2));
    if (const auto* where = one_of(prepositions, &Preposition::english, always, goes_on)) {
      say(where->french);
      noun_phrase(where->kinds, Role::after_preposition);
    } else if (is) {
      if (word("very", chance(4))) say("très");
      const auto* how = one_of(adjectives, &Adjective::english, [&](const Adjective& a) {
        return (a.kinds & (who.noun ? who.noun->kind : person)) != 0;
      });
      must(how && (who.noun || third));
      reserve(who.noun, how);
      say(agree(*how, who.feminine, who.verb == 3));
    } else if (verb->objects != 0) {
      noun_phrase(verb->objects, denial ? Role::denied : Role::plain);
    }
    if (word(".", chance(2))) say(".");
    must(unread_.empty());
  }

  Rng* dice_ = nullptr;  // none: read
  std::string unread_;
};

Draw draw_phrase(Rng& rng) {
  const Walk walk(rng);
  Sentence english = tokenize(Unit::words, walk.english);
  for (std::size_t i = 0; i + 1 < english.size(); ++i)
    if (english[i] == "a" && std::string_view("aeiou").find(english[i + 1][0]) != std::string::npos)
      english[i] = "an";
  return {{english, contract(walk.french)},
          walk.english.substr(0, walk.english.find('.')),
          walk.reserved};
}

// ---- the rule that holds pairs out ----

bool held_out(const Draw& draw) {
  std::uint64_t hash = 0xCBF29CE484222325;  // FNV-1a
  for (const char c : draw.key) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return draw.reserved || (hash >> 32) % 10 == 0;
}

struct Task {
  std::string_view name;
  Unit unit;
  Index max_tokens;
  Draw (*draw)(Rng&);
  Index (*alignment)(Index i, Index n) = nullptr;
};

constexpr Task tasks[] = {
    {"copy", Unit::characters, 16, [](Rng& rng) { return draw_letters(rng, false); },
     [](Index i, Index) { return i; }},
    {"reverse", Unit::characters, 16, [](Rng& rng) { return draw_letters(rng, true); },
     [](Index i, Index n) { return n - 1 - i; }},
    {"dates", Unit::characters, 40, draw_date},
    {"phrases", Unit::words, 24, draw_phrase},
};

}  // namespace

Sentence to_french(const Sentence& english) { return contract(Walk(english).french); }

Corpus make_task(std::string_view name) {
  const auto task = std::find_if(std::begin(tasks), std::end(tasks),
                                 [&](const Task& t) { return t.name == name; });
  check<StateError>(task != std::end(tasks),
                    "make_task: expected one of copy, reverse, dates and phrases; got \"{}\"",
                    shortened(name));
  Corpus corpus;
  corpus.name = name;
  corpus.unit = task->unit;
  corpus.max_tokens = task->max_tokens;
  if (task->alignment) corpus.alignment = task->alignment;
  corpus.sample = [draw = task->draw](Rng& rng) {
    for (;;)
      if (Draw drawn = draw(rng); !held_out(drawn)) return std::move(drawn.pair);
  };

  Rng fixed(1);
  std::set<std::string> keys;
  while (keys.size() < 1500) {
    Draw drawn = task->draw(fixed);
    if (!held_out(drawn) || !keys.insert(drawn.key).second) continue;
    const bool tests = corpus.test.size() < 1000;
    (tests ? corpus.test_references : corpus.valid_references)
        .push_back(join(task->unit, drawn.pair.target));
    (tests ? corpus.test : corpus.valid).push_back(std::move(drawn.pair));
  }

  std::vector<Pair> pairs(20'000);  // so many meet every word that there is
  for (Pair& pair : pairs) pair = corpus.sample(fixed);
  corpus.source_words = Vocabulary(pairs, &Pair::source, 1);
  corpus.target_words = Vocabulary(pairs, &Pair::target, 1);
  return corpus;
}

}  // namespace translate
