// # The figures of chapter 6, by what they show
#pragma once

#include "docs/figures/kit.h"

namespace figures {

// chapter_6.cpp: the idea, the score, heads
Figure phrase_map();
Figure dictionaries();
Figure split_heads();
Figure score_sizes();

// chapter_6_masks.cpp
Figure conventions();
Figure head_axis();
Figure blind_row();

// chapter_6_sweep.cpp
Figure attention_graph();

// chapter_6_blocks.cpp: the fused op
Figure running_softmax();
Figure graph_bytes();
Figure causal_blocks();

// −0.40, with a fixed number of digits, so that the numbers of a column stand under each other. A
// number that is rounded to zero has no sign.
std::string fixed(double value, int digits = 2);

}  // namespace figures
