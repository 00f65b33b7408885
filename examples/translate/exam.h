// # The exam: marks on sentences that were kept for the end
//
// A validation decides which weights are kept, so its score flatters them. An exam is on other
// sentences, which nothing of the training depended on, and is taken once. Translations that are in
// a file are marked in the same way, whoever made them.
#pragma once

#include <optional>
#include <string>

#include "examples/translate/score.h"
#include "examples/translate/training.h"
#include "examples/translate/translator.h"

namespace translate {

struct ExamResult {
  Score score;
  Index faulty = 0;  // sentences that could not be translated, and count as empty translations
};

// Translates the first lines and compares with the second ones. `name` is the name of the file of
// the first lines, for messages about lines that cannot be translated.
ExamResult examine(const Translator& translator, LinePairs lines, const std::string& name,
                   Search search, Case letters);

// The sentences of --test-source and --test-target; nothing, if they were not given. FileError if a
// file is missing, empty or not UTF-8, or if the files have different numbers of lines.
std::optional<LinePairs> exam_lines(const Options& options);

// Marks the model on these sentences, if there are any, and prints the marks and its line for the
// table of runs. `training` is the training that has just ended, if there was one.
std::optional<ExamResult> take_exam(const Translator& translator, const Options& options,
                                    const Training& training, const std::optional<LinePairs>& lines,
                                    Search search);

// For --score: the marks of a file of translations and, with --baseline, how they differ from
// another system's, as text. Writes both to --metrics. FileError as above.
std::string score_files(const Options& options);

}  // namespace translate
