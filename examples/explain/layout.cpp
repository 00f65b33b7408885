// # The layout of a graph: ranks, order, places
#include "examples/explain/layout.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

namespace explain {

namespace {

// A node, or a bend: the place where an arrow passes a rank without stopping.
struct Spot {
  int rank = 0;
  bool is_bend = false;
  double place = 0;
  std::vector<int> before = {}, after = {};  // neighbours in the ranks beside
};

using Parents = std::vector<std::vector<int>>;  // of each node, as indices of earlier nodes

// For each node, the length of the longest way to it from any input. An input has 0.
std::vector<int> longest_ways(const Parents& parents) {
  std::vector<int> longest(parents.size(), 0);
  for (std::size_t i = 0; i < parents.size(); ++i)
    for (const int p : parents[i]) longest[i] = std::max(longest[i], longest[std::size_t(p)] + 1);
  return longest;
}

// For each node, the lowest rank of the nodes that use it; 0 if no node does.
std::vector<int> first_uses(const Parents& parents, const std::vector<int>& rank) {
  std::vector<int> first_use(parents.size(), 0);
  for (std::size_t i = parents.size(); i-- > 0;)
    for (const int p : parents[i]) {
      int& use = first_use[std::size_t(p)];
      use = use == 0 ? rank[i] : std::min(use, rank[i]);
    }
  return first_use;
}

// The rank of a node is its longest way; an input then moves up to just before its first use.
std::vector<int> ranks_of(const Parents& parents) {
  std::vector<int> rank = longest_ways(parents);
  const std::vector<int> first_use = first_uses(parents, rank);
  for (std::size_t i = 0; i < parents.size(); ++i)
    if (parents[i].empty() && first_use[i] > 0) rank[i] = first_use[i] - 1;
  return rank;
}

using Layers = std::vector<std::vector<int>>;  // the spots of each rank, in their order

// Spots that are as close together as they may be, and move together. Each neighbour of a spot
// wishes the spot to be at the neighbour's place. `pull` is the sum of these wishes, each times its
// weight, and `weight` the sum of the weights.
struct Group {
  double pull = 0, weight = 0;
  std::size_t spots = 0;
  double mean() const { return pull / weight; }
  void add(const Group& other) {
    pull += other.pull;
    weight += other.weight;
    spots += other.spots;
  }
};

class Drawing {
 public:
  // Nodes and bends, then their layers, then the order in each layer, then their places.
  explicit Drawing(const Parents& parents) {
    const std::vector<int> ranks = ranks_of(parents);
    for (const int rank : ranks) spots_.push_back({.rank = rank});
    draw_arrows(parents);
    layers_.resize(std::size_t(*std::ranges::max_element(ranks)) + 1);
    for (int i = 0; i < static_cast<int>(spots_.size()); ++i)
      layers_[std::size_t(at(i).rank)].push_back(i);
    order();
    place();
  }

  Layout result(std::size_t nodes) const {
    Layout out;
    for (std::size_t i = 0; i < nodes; ++i) out.nodes.push_back(point(static_cast<int>(i)));
    for (const std::vector<int>& way : ways_) {
      Arrow arrow{way.front(), way.back(), {}};
      for (const int spot : way) arrow.way.push_back(point(spot));
      out.arrows.push_back(std::move(arrow));
    }
    return out;
  }

 private:
  Spot& at(int i) { return spots_[std::size_t(i)]; }
  const Spot& at(int i) const { return spots_[std::size_t(i)]; }
  Point point(int i) const { return {double(at(i).rank), at(i).place}; }

  // One arrow for each pair of nodes, also where an op uses a value twice.
  void draw_arrows(const Parents& parents) {
    std::set<std::pair<int, int>> drawn;
    for (std::size_t i = 0; i < parents.size(); ++i)
      for (const int parent : parents[i])
        if (drawn.insert({parent, static_cast<int>(i)}).second) lead(parent, static_cast<int>(i));
  }

  // An arrow, with a bend in every rank that it passes.
  void lead(int from, int to) {
    std::vector<int> way = {from};
    for (int rank = at(from).rank + 1; rank < at(to).rank; ++rank) {
      way.push_back(static_cast<int>(spots_.size()));
      spots_.push_back({.rank = rank, .is_bend = true});
    }
    way.push_back(to);
    // Neighbours on the way are neighbours in the drawing.
    for (std::size_t i = 1; i < way.size(); ++i) {
      at(way[i]).before.push_back(way[i - 1]);
      at(way[i - 1]).after.push_back(way[i]);
    }
    ways_.push_back(std::move(way));
  }

  // Sorts the layers back and forth until no arrows cross, at most 24 times, and keeps the order
  // with the fewest crossings.
  void order() {
    // Start with the order of the nodes; stop as soon as nothing crosses.
    Layers best = layers_;
    number();
    int fewest = crossings();
    for (int round = 0; round < 24 && fewest > 0; ++round) {
      sort_layers(round % 2 == 0);
      const int count = crossings();
      if (count >= fewest) continue;
      best = layers_;
      fewest = count;
    }
    layers_ = best;
    number();
  }

  // Sorts every layer by the mean place of each spot's neighbours: forth by the layer before, from
  // the first layer to the last, or back by the layer after, from the last layer to the first.
  void sort_layers(bool forth) {
    const auto mean = [&](int i) { return mean_of(forth ? at(i).before : at(i).after, i); };
    for (std::size_t k = 0; k < layers_.size(); ++k) {
      auto& layer = layers_[forth ? k : layers_.size() - 1 - k];
      std::ranges::stable_sort(layer, {}, mean);
      number();
    }
  }

  // The place of a spot is, for now, its number in its layer.
  void number() {
    for (const auto& layer : layers_)
      for (std::size_t k = 0; k < layer.size(); ++k) at(layer[k]).place = double(k);
  }

  double mean_of(const std::vector<int>& neighbours, int self) const {
    double sum = 0;
    for (const int i : neighbours) sum += at(i).place;
    return neighbours.empty() ? at(self).place : sum / double(neighbours.size());
  }

  int crossings() const {
    int count = 0;
    for (const auto& layer : layers_)
      for (std::size_t i = 0; i < layer.size(); ++i)
        for (std::size_t j = i + 1; j < layer.size(); ++j)
          for (const int a : at(layer[i]).after)
            for (const int b : at(layer[j]).after) count += at(a).place > at(b).place;
    return count;
  }

  // Minimises the sum of the squared lengths of the arrows across the ranks, for the given order
  // and distances. Each layer in turn goes to its own optimum, which never makes the sum larger.
  void place() {
    for (int round = 0; round < 300; ++round)
      for (const auto& layer : layers_) settle(layer);
    double least = at(0).place;
    for (const Spot& spot : spots_) least = std::min(least, spot.place);
    for (Spot& spot : spots_) spot.place -= least;
  }

  // Moves the spots of a layer to the places that their neighbours wish. Spots that would come too
  // near to each other, or in the wrong order, form a group, which goes to the mean of its wishes.
  void settle(const std::vector<int>& layer) {
    // Each spot begins as a group, and is joined with the group before it if they overlap.
    const std::vector<double> offsets = offsets_of(layer);
    std::vector<Group> groups;
    for (std::size_t k = 0; k < layer.size(); ++k) {
      Group group = wishes_of(layer[k], offsets[k]);
      while (!groups.empty() && groups.back().mean() > group.mean()) {
        group.add(groups.back());
        groups.pop_back();
      }
      groups.push_back(group);
    }
    // Each group goes to the mean of its wishes.
    std::size_t k = 0;
    for (const Group& group : groups)
      for (std::size_t n = 0; n < group.spots; ++n, ++k)
        at(layer[k]).place = group.mean() + offsets[k];
  }

  // How far each spot would be from the layer's first spot, if all were as close as they may be.
  std::vector<double> offsets_of(const std::vector<int>& layer) const {
    std::vector<double> offsets(layer.size(), 0.0);
    for (std::size_t k = 1; k < layer.size(); ++k)
      offsets[k] = offsets[k - 1] + distance(layer[k - 1], layer[k]);
    return offsets;
  }

  // Where the neighbours of a spot wish the layer's first spot to be: their places less this spot's
  // offset, so that the wishes of several spots can be added. A spot without neighbours wishes to
  // stay.
  Group wishes_of(int spot, double offset) const {
    Group group{.spots = 1};
    for (const auto& side : {at(spot).before, at(spot).after})
      for (const int neighbour : side) {
        const double weight = stiffness(spot, neighbour);
        group.pull += weight * (at(neighbour).place - offset);
        group.weight += weight;
      }
    if (group.weight == 0) group = {at(spot).place - offset, 1, 1};
    return group;
  }

  // How strongly an arrow between two spots pulls. Long arrows pull more, so that they become
  // straight.
  double stiffness(int a, int b) const {
    const int bends = int{at(a).is_bend} + int{at(b).is_bend};
    constexpr double weights[] = {1, 2, 8};
    return weights[bends];
  }

  // How near two neighbours of a layer may come.
  double distance(int a, int b) const { return at(a).is_bend || at(b).is_bend ? 0.75 : 1; }

  std::vector<Spot> spots_;  // the nodes first, then the bends
  std::vector<std::vector<int>> ways_;
  Layers layers_;
};

}  // namespace

Layout layout(const Parents& parents) {
  return parents.empty() ? Layout{} : Drawing(parents).result(parents.size());
}

}  // namespace explain
