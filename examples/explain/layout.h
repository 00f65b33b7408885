// # Where the nodes of a drawing go
//
// Nodes are drawn in layers, the ranks: a value stands in a later rank than its parents, so every
// arrow points the same way. Within a rank, nodes are ordered so that few arrows cross. Then they
// are pulled towards their neighbours. After K. Sugiyama et al., Methods for Visual Understanding
// of Hierarchical System Structures (1981); with the plainest rule at each step, for graphs of tens
// of nodes.
#pragma once

#include <vector>

namespace explain {

struct Point {
  double rank = 0;   // in the direction of the forward pass: 0, 1, 2, …
  double place = 0;  // across it; two nodes of a rank are at least 1 apart
};

struct Arrow {
  int from = 0, to = 0;
  std::vector<Point> way;  // from node to node, through the ranks between them
};

struct Layout {
  std::vector<Point> nodes;
  std::vector<Arrow> arrows;  // one for each pair, also where a value is used twice by one op
};

// `parents` holds, for each node, the indices of its parents. Parents come before their children.
Layout layout(const std::vector<std::vector<int>>& parents);

}  // namespace explain
