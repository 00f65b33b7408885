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

// The longest way from any input; then inputs move up to the first that needs them.
std::vector<int> ranks_of(const std::vector<std::vector<int>>& parents) {
  std::vector<int> rank(parents.size(), 0);
  for (std::size_t i = 0; i < parents.size(); ++i)
    for (const int p : parents[i]) rank[i] = std::max(rank[i], rank[std::size_t(p)] + 1);
  std::vector<int> first_use(parents.size(), 0);
  for (std::size_t i = parents.size(); i-- > 0;)
    for (const int p : parents[i]) {
      int& use = first_use[std::size_t(p)];
      use = use == 0 ? rank[i] : std::min(use, rank[i]);
    }
  for (std::size_t i = 0; i < parents.size(); ++i)
    if (parents[i].empty() && first_use[i] > 0) rank[i] = first_use[i] - 1;
  return rank;
}

using Layers = std::vector<std::vector<int>>;

class Drawing {
 public:
  explicit Drawing(const std::vector<std::vector<int>>& parents) {
    const std::vector<int> ranks = ranks_of(parents);
    for (const int rank : ranks) spots_.push_back({.rank = rank});
    std::set<std::pair<int, int>> drawn;
    for (std::size_t i = 0; i < parents.size(); ++i)
      for (const int parent : parents[i])
        if (drawn.insert({parent, static_cast<int>(i)}).second) lead(parent, static_cast<int>(i));
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

  // An arrow with a bend in every rank that it passes.
  void lead(int from, int to) {
    std::vector<int> way = {from};
    for (int rank = at(from).rank + 1; rank < at(to).rank; ++rank) {
      way.push_back(static_cast<int>(spots_.size()));
      spots_.push_back({.rank = rank, .is_bend = true});
    }
    way.push_back(to);
    for (std::size_t i = 1; i < way.size(); ++i) {
      at(way[i]).before.push_back(way[i - 1]);
      at(way[i - 1]).after.push_back(way[i]);
    }
    ways_.push_back(std::move(way));
  }

  // Each layer by the mean place of its neighbours, to and fro; the best order met is kept.
  void order() {
    Layers best = layers_;
    number();
    int fewest = crossings();
    for (int round = 0; round < 24 && fewest > 0; ++round) {
      for (std::size_t k = 0; k < layers_.size(); ++k) {
        const bool forth = round % 2 == 0;
        auto& layer = layers_[forth ? k : layers_.size() - 1 - k];
        const auto mean = [&](int i) { return mean_of(forth ? at(i).before : at(i).after, i); };
        std::ranges::stable_sort(layer, {}, mean);
        number();
      }
      const int count = crossings();
      if (count < fewest) best = layers_, fewest = count;
    }
    layers_ = best;
    number();
  }

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

  // The least sum of squared lengths across the ranks that the order and the distances allow: each
  // layer in turn goes to its own optimum, which never makes the sum larger.
  void place() {
    for (int round = 0; round < 300; ++round)
      for (const auto& layer : layers_) settle(layer);
    double least = at(0).place;
    for (const Spot& spot : spots_) least = std::min(least, spot.place);
    for (Spot& spot : spots_) spot.place -= least;
  }

  // Spots that would come too near to each other go together, to the mean of what they wish.
  void settle(const std::vector<int>& layer) {
    struct Group {
      double pull = 0, weight = 0;
      std::size_t spots = 0;
      double mean() const { return pull / weight; }
    };
    std::vector<Group> groups;
    std::vector<double> offsets;  // of each spot from the layer's first, if all stood close
    for (const int i : layer) {
      offsets.push_back(offsets.empty() ? 0
                                        : offsets.back() + distance(layer[offsets.size() - 1], i));
      Group group{.spots = 1};
      for (const auto& side : {at(i).before, at(i).after})
        for (const int j : side) {
          // A long arrow pulls more, so that it becomes straight.
          const double weight = at(i).is_bend && at(j).is_bend   ? 8
                                : at(i).is_bend || at(j).is_bend ? 2
                                                                 : 1;
          group.pull += weight * (at(j).place - offsets.back());
          group.weight += weight;
        }
      if (group.weight == 0) group = {at(i).place - offsets.back(), 1, 1};
      while (!groups.empty() && groups.back().mean() > group.mean()) {
        group.pull += groups.back().pull;
        group.weight += groups.back().weight;
        group.spots += groups.back().spots;
        groups.pop_back();
      }
      groups.push_back(group);
    }
    std::size_t k = 0;
    for (const Group& group : groups)
      for (std::size_t n = 0; n < group.spots; ++n, ++k)
        at(layer[k]).place = group.mean() + offsets[k];
  }

  double distance(int a, int b) const { return at(a).is_bend || at(b).is_bend ? 0.75 : 1; }

  std::vector<Spot> spots_;  // the nodes first, then the bends
  std::vector<std::vector<int>> ways_;
  Layers layers_;
};

}  // namespace

Layout layout(const std::vector<std::vector<int>>& parents) {
  return parents.empty() ? Layout{} : Drawing(parents).result(parents.size());
}

}  // namespace explain
