// # The story of one sweep
//
// A subject is a computation of a few lines. Its story is the graph as it was before the sweep, and
// what trace_backward() recorded of each step of the sweep. Nodes have the numbers that to_text()
// prints: 1, 2, 3, … in the order of birth.
#pragma once

#include <glassgrad.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "examples/explain/layout.h"

namespace explain {

using glass::Index;
using glass::Tensor;
using glass::Var;

// ---- the computation ----

struct Line {
  std::string name, code;  // "u", "u = z + b"
};

// A subject holds its leaves and its result, but no value between them, so that the sweep can free
// the values between.
struct Subject {
  std::string id, title, lead;
  std::string asks;                          // the name of the value that is differentiated
  std::map<std::uint64_t, Line> lines = {};  // by birth; of a leaf the code is a description
  std::vector<Var> leaves = {};
  Var result = {};
  std::optional<Tensor> seed = {};
};

// Notes a line of a subject's program, by the birth of its value. A leaf is also held.
const Var& noted(Subject& subject, std::string name, std::string code, const Var& value);
const Var& leaf(Subject& subject, std::string name, std::string code, const Var& value);

// u = x·w + c, gated by its own sigmoid, and the mean squared error from a target. u is used by two
// ops, e twice by one, and c is broadcast.
Subject expression();
Subject gated(const Tensor& c);  // the same with another c

// softmax(Q Kᵀ/√d) V of three tokens that attend to each other: x is used three times.
Subject attention_head();

// ---- its story ----

struct Node {
  int number = 0;
  std::string name = {}, op, code = {};
  Tensor value;
  bool is_op = false, wants_gradient = false;
  std::vector<int> parents = {};
  int uses = 0;  // how many gradients the sweep will give to it
  Point point = {};
};

// What one step of the sweep gives to one parent of its node.
struct Gift {
  int parent = 0;
  std::size_t slot = 0;  // which of the op's parents
  Tensor vjp, gradient;  // before and after broadcasting was undone
  int nth = 0;           // 1: the first that this parent got
  Tensor sum = {};       // all that it got so far
};

// One step of the sweep.
struct Act {
  int node = 0;
  Tensor g;
  std::vector<int> waiting = {};  // the other nodes that wait for their turn
  std::vector<Gift> gifts = {};
  Index allocated = 0, freed = 0;
  Index alive = 0;  // bytes, after this step
};

struct Story {
  std::string id, title, lead, asks;
  Tensor seed;
  std::vector<Node> nodes = {};    // by number, from 1
  std::vector<Arrow> arrows = {};  // between numbers
  std::vector<Act> acts = {};
  Index alive = 0;  // bytes of the graph and its leaves, before the sweep

  const Node& node(int number) const { return nodes.at(static_cast<std::size_t>(number - 1)); }
};

// Makes the graph and runs the sweep.
Story tell(const std::function<Subject()>& make);

}  // namespace explain
