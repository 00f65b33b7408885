// # What the report of a run says
#pragma once

#include "examples/translate/history.h"
#include "examples/translate/marks.h"
#include "examples/translate/report.h"
#include "examples/translate/training.h"

namespace translate {

// The curves, the marks, and the first two dozen held-out sentences with the attention of every
// layer and head.
Report make_report(const Translator& translator, const Corpus& corpus, const Options& options,
                   const Training& training, const History& history, const Marks& marks);

}  // namespace translate
