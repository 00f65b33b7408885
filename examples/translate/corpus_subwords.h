// # A corpus whose tokens are subwords
#pragma once

#include "examples/translate/corpus.h"

namespace translate {

// Learns encodings from pairs of pieces, as tokenize() gives them: files.subwords merges for each
// language, or for both together if files.joint.
Coding learn_coding(const std::vector<Pair>& train, const TextFiles& files);

// A note for a text that has fewer merges than were asked for; empty if it has them all.
std::string missing_merges(const Coding& coding, Index asked);

// A note for words of a language without spaces, where a whole sentence is one word; else empty.
std::string sentences_as_words(const Corpus& corpus);

// Cuts the pairs of `train` and `valid` from pieces into subwords, and takes the vocabularies of
// the encoding. Pairs that become longer than max_tokens are left out and counted. FileError if no
// pair is left to train or to validate on.
void cut_into_subwords(Corpus& corpus, Coding coding);

// The training pairs, with their subwords cut anew with dropout. A sentence that becomes longer
// than max_tokens stays as it was.
std::vector<Pair> cut_anew(const Corpus& corpus, double dropout, Rng& rng);

}  // namespace translate
