// # English phrases and their French: the words and the grammar
#include "examples/translate/phrases.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <utility>

#include "examples/common/quote.h"
#include "examples/translate/dice.h"

namespace translate {

using examples::shortened;
using glass::check;
using glass::StateError;

namespace {

// ---- the words ----

// The kinds of nouns. Adjectives, verbs and prepositions go with some kinds only: one eats food,
// but no hotel.
enum Kind : unsigned { person = 1, animal = 2, food = 4, thing = 8, place = 16 };
constexpr unsigned living = person | animal, lifeless = food | thing | place,
                   not_person = animal | lifeless, not_food = living | thing | place,
                   any_kind = living | lifeless;
constexpr bool le = false, la = true;  // gender, by the article of the noun

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
    {"man", "homme", le, person, "men"}, {"woman", "femme", la, person, "women"},
    {"boy", "garçon", le, person}, {"girl", "fille", la, person},
    {"child", "enfant", le, person, "children"}, {"king", "roi", le, person},
    {"queen", "reine", la, person}, {"uncle", "oncle", le, person}, {"aunt", "tante", la, person},
    {"sister", "sœur", la, person}, {"actress", "actrice", la, person, "actresses"},
    {"cat", "chat", le, animal}, {"dog", "chien", le, animal}, {"horse", "cheval", le, animal},
    {"bird", "oiseau", le, animal}, {"owl", "hibou", le, animal}, {"cow", "vache", la, animal},
    {"mouse", "souris", la, animal, "mice"}, {"goose", "oie", la, animal, "geese"},
    {"elephant", "éléphant", le, animal}, {"apple", "pomme", la, food},
    {"orange", "orange", la, food}, {"egg", "œuf", le, food}, {"cake", "gâteau", le, food},
    {"carrot", "carotte", la, food}, {"bean", "haricot", le, food}, {"book", "livre", le, thing},
    {"tree", "arbre", le, thing}, {"table", "table", la, thing},
    {"plate", "assiette", la, thing}, {"knife", "couteau", le, thing, "knives"},
    {"hat", "chapeau", le, thing}, {"newspaper", "journal", le, thing},
    {"clock", "horloge", la, thing}, {"car", "voiture", la, place},
    {"house", "maison", la, place}, {"church", "église", la, place, "churches"},
    {"hotel", "hôtel", le, place},
};

// An adjective goes with the kinds of nouns that it can describe.
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

// How a verb ends depends on the subject; what it may be done to, on the kind of the object.
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

// ---- how words change ----

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

// Whether short words are shortened before this word: it begins with a vowel or a mute h. The words
// whose h is not mute are listed.
bool elides(std::string_view word) {
  static constexpr std::string_view vowels[] = {"a", "e", "i", "o", "u", "h", "â", "é", "ê", "œ"};
  static constexpr std::string_view aspirated[] = {"haricot", "hibou", "huit"};
  const auto starts = [&](std::string_view beginning) { return word.starts_with(beginning); };
  return std::any_of(std::begin(vowels), std::end(vowels), starts) &&
         std::none_of(std::begin(aspirated), std::end(aspirated), starts);
}

// Contracts neighbouring words: le homme → l'homme, ma oie → mon oie, près de le → près du.
Sentence contract(std::string_view french) {
  const Sentence words = tokenize(Unit::words, french);
  static const std::map<std::string_view, std::string_view> before_vowel = {
      {"le", "l'"}, {"la", "l'"},  {"de", "d'"},  {"ne", "n'"},
      {"je", "j'"}, {"ce", "cet"}, {"ma", "mon"}, {"sa", "son"}};
  Sentence contracted;
  const auto at = [&](std::size_t i) { return i < words.size() ? words[i] : std::string(); };
  for (std::size_t i = 0; i < words.size(); ++i) {
    // A short form before a vowel; de with an article; or the word as it is.
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

// ---- the grammar ----

//   sentence    = subject (is [denial] (adjective | place) | [denial] verb [noun phrase | place])
//   subject     = pronoun | noun phrase
//   place       = preposition noun phrase
//   noun phrase = determiner [very] [adjective] [adjective] noun
//
// One walk over the grammar writes both languages at once. Its choices are random (drawing), or
// come from an English sentence that it translates (reading). Both use the same code, so the
// English sentence determines the French one.
class Walk {
 public:
  explicit Walk(Rng& dice) : dice_(&dice) { sentence(); }
  explicit Walk(const Sentence& words) {
    for (const std::string& word : words) unread_.append(word == "an" ? "a" : word).append(" ");
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

  // When drawing, true once in n times. When reading, false: the reader takes what it reads.
  bool chance(Index n) { return dice_ && one_in(n, *dice_); }

  // English words that may stand here. When drawing, they are written if `wanted`. When reading,
  // they are taken if they come next. Returns whether they are part of the sentence.
  bool word(std::string_view words, bool wanted) {
    if (!dice_) {
      const std::string_view rest = unread_;
      wanted = rest.starts_with(words) && rest.substr(words.size()).starts_with(' ');
      if (wanted) unread_.erase(0, words.size() + 1);
    }
    if (wanted) english.append(words).append(" ");
    return wanted;
  }

  // An entry of a table that fits. When drawing: a random one, if `wanted`. When reading: the one
  // whose English name comes next. Null if there is none.
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

  // StateError if the reader did not find what the grammar expects here.
  void must(bool known) const {
    check<StateError>(known, "to_french: expected a phrase of the grammar; got \"{}\" after \"{}\"",
                      shortened(unread_), shortened(english));
  }

  // ---- noun phrases ----

  // The parts of a noun phrase, in the order of the English words. Adjectives are told apart by
  // where they stand in French: before the noun or after it.
  struct NounPhrase {
    const Determiner* determiner = nullptr;
    bool very = false;
    const Adjective *before = nullptr, *after = nullptr;
    const Noun* noun = nullptr;
    bool plural = false;
  };

  Subject noun_phrase(unsigned kinds, Role role) {
    const NounPhrase phrase = english_noun_phrase(kinds, role);
    say_in_french(phrase, role);
    return {phrase.plural ? "are" : "is", phrase.plural ? 3u : 1u, phrase.noun->feminine,
            phrase.noun};
  }

  NounPhrase english_noun_phrase(unsigned kinds, Role role) {
    // Drawing picks the noun first, since the words before it must fit. Reading finds it last.
    NounPhrase phrase;
    const auto of_kind = [&](const Noun& n) { return (n.kind & kinds) != 0; };
    if (dice_) phrase.noun = &pick_where(nouns, *dice_, of_kind);
    phrase.plural = chance(2);

    // The words before the noun. Drawing writes "very" only if there is exactly one adjective.
    phrase.determiner = determiner_of(phrase, role);
    const bool one = chance(3), two = chance(3);
    phrase.very = word("very", one != two && chance(4));
    phrase.before = adjective_of(phrase, true, one);
    phrase.after = adjective_of(phrase, false, two);

    // The noun: as it was picked, or as it is read, in the singular or in the plural.
    if (phrase.noun) {
      word(phrase.plural ? english_plural(*phrase.noun) : std::string(phrase.noun->one), true);
    } else if (phrase.noun = one_of(nouns, &Noun::one, of_kind); !phrase.noun) {
      phrase.noun = one_of(nouns, english_plural, of_kind);
      phrase.plural = true;
    }
    must(phrase.determiner && phrase.noun);
    reserve(phrase.noun, phrase.before);
    reserve(phrase.noun, phrase.after);
    return phrase;
  }

  // A determiner that has the number of the noun, if that is known. What is "some" in a plain
  // phrase is "any" in a denied one.
  const Determiner* determiner_of(const NounPhrase& phrase, Role role) {
    const auto name = [&](const Determiner& d) {
      return role == Role::denied && d.english == "some" ? "any" : d.english;
    };
    return one_of(determiners, name, [&](const Determiner& d) {
      const bool has_number = !phrase.noun || !(phrase.plural ? d.plural : d.masculine).empty();
      return has_number && !(d.quantity && role == Role::after_preposition);
    });
  }

  // An adjective that goes before the French noun, or after it, and fits the noun, if that is
  // known.
  const Adjective* adjective_of(const NounPhrase& phrase, bool goes_before, bool wanted) {
    const auto fits = [&](const Adjective& a) {
      return a.before == goes_before && (!phrase.noun || (a.kinds & phrase.noun->kind));
    };
    return one_of(adjectives, &Adjective::english, fits, wanted);
  }

  // Article, adjective, noun, adjective; "very" goes with the first adjective that there is.
  void say_in_french(const NounPhrase& phrase, Role role) {
    const auto& [determiner, very, before, after, noun, plural] = phrase;
    say(article_of(phrase, role));
    if (very && before) say("très");
    if (before) say(adjective_before(phrase));
    say(plural ? french_plural(noun->french) : std::string(noun->french));
    if (very && !before) say("très");
    if (after) say(agree(*after, noun->feminine, plural));
  }

  // The determiner in the noun's gender and number. Un, une and des become de in a denial (pas de
  // pomme), and des becomes de before an adjective (de bons œufs).
  std::string_view article_of(const NounPhrase& phrase, Role role) const {
    const Determiner& determiner = *phrase.determiner;
    std::string_view article = determiner.masculine;
    if (phrase.noun->feminine) article = determiner.feminine;
    if (phrase.plural) article = determiner.plural;
    must(!article.empty());
    const bool indefinite = article == "un" || article == "une" || article == "des";
    const bool replaced =
        (indefinite && role == Role::denied) || (article == "des" && phrase.before);
    return replaced ? "de" : article;
  }

  // The adjective before the noun, in its own form before a masculine noun with a vowel: un bel
  // homme.
  static std::string adjective_before(const NounPhrase& phrase) {
    const Adjective& adjective = *phrase.before;
    const bool has_form = !adjective.vowel.empty() && !phrase.noun->feminine && !phrase.plural;
    if (has_form && elides(phrase.noun->french)) return std::string(adjective.vowel);
    return agree(adjective, phrase.noun->feminine, phrase.plural);
  }

  // One in ten of all pairs of a noun and an adjective is kept for the test.
  void reserve(const Noun* noun, const Adjective* adjective) {
    if (noun && adjective) reserved |= ((noun - nouns) + 3 * (adjective - adjectives)) % 10 == 0;
  }

  // ---- sentences ----

  Subject subject(unsigned kinds, bool described) {
    // I and we have no gender, which a French adjective must have.
    const auto fits = [&](const Pronoun& p) { return !described || p.verb == 1; };
    const Pronoun* pronoun = one_of(pronouns, &Pronoun::english, fits, chance(4));
    if (!pronoun) return noun_phrase(kinds, Role::plain);
    say(pronoun->french);
    return {pronoun->be, pronoun->verb, pronoun->feminine, nullptr};
  }

  // "not", "never" or nothing. Without "be" English uses other words, as in "does not".
  const Denial* denial_of(const Subject& who, bool is) {
    const auto name = [&](const Denial& d) {
      if (is) return d.be;
      return who.verb == 1 ? d.does : d.plain;
    };
    return one_of(denials, name, any_entry, chance(2));
  }

  // After he, she and it a verb ends in s, but not after "does not".
  const Verb* verb_of(const Subject& who, const Denial* denial) {
    const bool third = who.verb == 1 && denial != &denials[0];
    return one_of(verbs, third ? &Verb::third : &Verb::base, any_entry);
  }

  // An adjective that fits the subject, and agrees with it.
  void description(const Subject& who) {
    if (word("very", chance(4))) say("très");
    const auto* how = one_of(adjectives, &Adjective::english, [&](const Adjective& a) {
      return (a.kinds & (who.noun ? who.noun->kind : person)) != 0;
    });
    must(how && (who.noun || who.verb == 1));
    reserve(who.noun, how);
    say(agree(*how, who.feminine, who.verb == 3));
  }

  // Returns whether there is a place.
  bool place_if(bool wanted) {
    const auto* where = one_of(prepositions, &Preposition::english, any_entry, wanted);
    if (!where) return false;
    say(where->french);
    noun_phrase(where->kinds, Role::after_preposition);
    return true;
  }

  // The verb in the subject's form, between the two halves of a French denial: il ne dort pas.
  void say_verb(const Verb& verb, const Subject& who, const Denial* denial) {
    if (denial) say("ne");
    say(verb.forms[who.verb]);
    if (denial) say(denial->french);
  }

  void sentence() {
    // The subject. Only people and animals do things; anything can be in a state.
    const bool state = chance(3), placed = chance(2);
    const Subject who = subject(dice_ && !state ? living : any_kind, state && !placed);

    // The verb.
    const bool is = word(who.be, state);
    const Denial* denial = denial_of(who, is);
    const Verb* verb = is ? &to_be : verb_of(who, denial);
    must(verb);
    say_verb(*verb, who, denial);

    // A place, or else what the verb needs. One lives somewhere.
    const bool goes_on = is ? placed : verb->objects == 0 && (verb->base == "live" || chance(2));
    if (!place_if(goes_on)) {
      if (is)
        description(who);
      else if (verb->objects != 0)
        noun_phrase(verb->objects, denial ? Role::denied : Role::plain);
    }
    if (word(".", chance(2))) say(".");
    must(unread_.empty());
  }

  static constexpr auto any_entry = [](const auto&) { return true; };

  Rng* dice_ = nullptr;  // none: read
  std::string unread_;
};

}  // namespace

Sentence to_french(const Sentence& english) { return contract(Walk(english).french); }

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

}  // namespace translate
