// SPDX-License-Identifier: Apache-2.0
#include "index/graph_builder.h"

#include <algorithm>
#include <memory>
#include <numeric>

#include "base/parallel.h"
#include "index/graph_walk.h"

namespace tarn::index {
namespace {

struct Candidate {
  float distance;
  uint32_t id;
  friend bool operator<(const Candidate& a, const Candidate& b) {
    return a.distance != b.distance ? a.distance < b.distance : a.id < b.id;
  }
};

constexpr uint64_t kOrderSeed = 20240229;
constexpr size_t kStartSample = 2000;
constexpr uint32_t kStartWindow = 32;
// Share of the sample that may be lost.
constexpr double kMostLost = 0.02;

// What one thread works with.
struct Worker {
  Worker(const BuildCodes& codes, const kernels::KernelTable& kernels)
      : from(codes, kernels), between(codes, kernels) {}
  WalkScratch walk;
  NodeDistances from;     // the node being linked
  NodeDistances between;  // a kept candidate against those left
  std::vector<Candidate> candidates;
  std::vector<uint32_t> ids;
  std::vector<float> distances;
};

struct Edge {
  uint32_t target;
  uint32_t source;
};

class Builder {
 public:
  Builder(const BuildCodes& codes, const GraphOptions& options)
      : codes_(codes),
        options_(options),
        kernels_(kernels::Kernels()),
        nodes_(static_cast<uint32_t>(codes.size())) {
    graph_.links.assign(size_t{nodes_} * options.degree, kNoLink);
    threads_ = std::max(1, options.threads);
    for (int i = 0; i < threads_; ++i) {
      workers_.push_back(std::make_unique<Worker>(codes, kernels_));
    }
  }

  Graph Build() {
    MakeOrder();
    const size_t cap = std::max<size_t>(nodes_ / 50, 16);
    for (size_t done = 1; done < nodes_;) {
      if (options_.stop != nullptr && *options_.stop) return {};
      const size_t batch = std::min({done, cap, nodes_ - done});
      InsertBatch(done, done + batch);
      LinkBack(done, done + batch);
      done += batch;
    }
    ConnectUnreachable();
    FindStarts();
    return std::move(graph_);
  }

 private:
  // The entry, then the others in a fixed random order: rows that lie together in a file tend to be
  // alike, and the nodes of one batch do not see each other.
  void MakeOrder() {
    order_.resize(nodes_);
    std::iota(order_.begin(), order_.end(), 0);
    std::swap(order_[0], order_[options_.entry]);
    uint64_t state = kOrderSeed;
    for (uint32_t i = nodes_ - 1; i > 1; --i) {
      state = state * 6364136223846793005u + 1442695040888963407u;  // Knuth's MMIX generator
      const auto j = 1 + static_cast<uint32_t>(((state >> 32) * i) >> 32);
      std::swap(order_[i], order_[j]);
    }
  }

  uint32_t* Links(uint32_t node) { return graph_.links.data() + size_t{node} * options_.degree; }
  uint32_t LinkCount(uint32_t node) {
    const uint32_t* links = Links(node);
    uint32_t count = 0;
    while (count < options_.degree && links[count] != kNoLink) ++count;
    return count;
  }

  // From what the pool holds to what the graph leads to.
  void Follow(Worker& worker) {
    Walk(
        {graph_.links.data(), options_.degree, nodes_}, worker.walk, kernels_.search,
        [&](const uint32_t* ids, size_t n, float* keys) { worker.from.To(ids, n, keys); },
        [&](uint32_t id) { worker.from.Prefetch(id); },
        [](const kernels::CandidatePool&) { return true; });
  }

  // The nodes nearest to `node` in the graph as it stands, nearest first, in worker.candidates.
  void FindCandidates(uint32_t node, Worker& worker) {
    worker.from.From(node);
    WalkScratch& walk = worker.walk;
    walk.Start(options_.window);
    walk.visited.Reset(nodes_);
    walk.visited.Insert(options_.entry);
    walk.ids[0] = options_.entry;
    worker.from.To(walk.ids, 1, walk.keys);
    kernels_.search.pool_insert(walk.pool, walk.keys, walk.ids, 1);
    Follow(worker);
    worker.candidates.clear();
    for (uint32_t i = 0; i < walk.pool.size; ++i) {
      const uint32_t id = walk.pool.ids[i] & ~WalkScratch::kExpanded;
      if (id != node) worker.candidates.push_back({walk.pool.distances[i], id});
    }
  }

  // Keeps of worker.candidates (nearest first) those that no kept one shields: alpha d(kept, c) <=
  // d(node, c). Writes the links of `node`. Each kept node is compared with all that are left in
  // one call, and most of them go at once.
  void Prune(uint32_t node, Worker& worker) {
    uint32_t* links = Links(node);
    uint32_t count = 0;
    auto& left = worker.candidates;
    auto& ids = worker.ids;
    auto& distances = worker.distances;
    while (!left.empty() && count < options_.degree) {
      const uint32_t kept = left.front().id;
      links[count++] = kept;
      const size_t n = left.size() - 1;
      if (n == 0) break;
      ids.resize(n + kernels::kPoolPad);
      distances.resize(n + kernels::kPoolPad);
      for (size_t i = 0; i < n; ++i) ids[i] = left[i + 1].id;
      worker.between.From(kept);
      worker.between.To(ids.data(), n, distances.data());
      size_t survivors = 0;
      for (size_t i = 0; i < n; ++i) {
        const Candidate c = left[i + 1];
        left[survivors] = c;
        survivors += options_.alpha * distances[i] > c.distance;
      }
      left.resize(survivors);
    }
    std::fill(links + count, links + options_.degree, kNoLink);
  }

  void InsertBatch(size_t begin, size_t end) {
    ParallelFor(end - begin, 64, threads_, [&](size_t from, size_t to, int thread) {
      for (size_t i = begin + from; i < begin + to; ++i) {
        FindCandidates(order_[i], *workers_[thread]);
        Prune(order_[i], *workers_[thread]);
      }
    });
  }

  // Gives every link of the batch its way back. Edges are grouped by target with a counting sort.
  void LinkBack(size_t begin, size_t end) {
    edges_.clear();
    for (size_t i = begin; i < end; ++i) {
      const uint32_t* links = Links(order_[i]);
      for (uint32_t j = 0; j < options_.degree && links[j] != kNoLink; ++j) {
        edges_.push_back({links[j], order_[i]});
      }
    }
    starts_.assign(size_t{nodes_} + 1, 0);
    for (const Edge& edge : edges_) ++starts_[edge.target + 1];
    targets_.clear();
    for (uint32_t node = 0; node < nodes_; ++node) {
      if (starts_[node + 1] != 0) targets_.push_back(node);
      starts_[node + 1] += starts_[node];
    }
    sources_.resize(edges_.size());
    std::vector<uint32_t>& next = next_;
    next.assign(starts_.begin(), starts_.end() - 1);
    for (const Edge& edge : edges_) sources_[next[edge.target]++] = edge.source;
    ParallelFor(targets_.size(), 64, threads_, [&](size_t from, size_t to, int thread) {
      for (size_t i = from; i < to; ++i) AddLinks(targets_[i], *workers_[thread]);
    });
  }

  void AddLinks(uint32_t target, Worker& worker) {
    uint32_t* links = Links(target);
    const uint32_t* sources = sources_.data() + starts_[target];
    const uint32_t fresh = starts_[target + 1] - starts_[target];
    uint32_t count = LinkCount(target);
    if (count + fresh <= options_.degree) {
      std::copy_n(sources, fresh, links + count);
      return;
    }
    worker.candidates.clear();
    worker.from.From(target);
    worker.ids.assign(links, links + count);
    worker.ids.insert(worker.ids.end(), sources, sources + fresh);
    const size_t n = worker.ids.size();
    worker.ids.resize(n + kernels::kPoolPad);
    worker.distances.resize(n + kernels::kPoolPad);
    worker.from.To(worker.ids.data(), n, worker.distances.data());
    for (size_t i = 0; i < n; ++i) {
      worker.candidates.push_back({worker.distances[i], worker.ids[i]});
    }
    std::sort(worker.candidates.begin(), worker.candidates.end());
    Prune(target, worker);
  }

  // Pruning can leave a node without a way in. Each such node is linked from the nearest node that
  // has room; one that finds none becomes an entry of its own.
  void ConnectUnreachable() {
    auto lost = UnreachableNodes(graph_.links.data(), options_.degree, nodes_, options_.entry, {});
    Worker& worker = *workers_[0];
    for (const uint32_t node : lost) {
      FindCandidates(node, worker);
      bool linked = false;
      for (const Candidate& c : worker.candidates) {
        const uint32_t count = LinkCount(c.id);
        if (count == options_.degree) continue;
        Links(c.id)[count] = node;
        linked = true;
        break;
      }
      if (!linked) graph_.extra_entries.push_back(node);
    }
  }

  // Where clusters are dense, links between them are few, and a traversal that starts in the wrong
  // one stays there. A sample of nodes tells how many starts it takes.
  void FindStarts() {
    graph_.starts = std::min<size_t>(options_.starts, nodes_);
    for (int doubled = 0; doubled < 3 && graph_.starts > 0 && graph_.starts < nodes_ / 64;
         ++doubled) {
      if (CountLost(graph_.starts) <= kStartSample * kMostLost) return;
      graph_.starts *= 2;
    }
  }

  // Nodes of the sample that a narrow search from the nearest of these starts does not find.
  size_t CountLost(size_t starts) {
    std::vector<size_t> lost(workers_.size());
    ParallelFor(kStartSample, 16, threads_, [&](size_t from, size_t to, int thread) {
      Worker& worker = *workers_[static_cast<size_t>(thread)];
      for (size_t i = from; i < to; ++i) {
        const uint32_t node = order_[nodes_ - 1 - i * (nodes_ / 2) / kStartSample];
        lost[static_cast<size_t>(thread)] += !IsFound(node, starts, worker);
      }
    });
    return std::accumulate(lost.begin(), lost.end(), size_t{0});
  }

  bool IsFound(uint32_t node, size_t starts, Worker& worker) {
    worker.from.From(node);
    WalkScratch& walk = worker.walk;
    walk.Start(kStartWindow);
    walk.visited.Reset(nodes_);
    for (size_t begin = 0; begin < starts; begin += WalkScratch::kBatch) {
      const size_t n = std::min(WalkScratch::kBatch, starts - begin);
      for (size_t i = 0; i < n; ++i) {
        walk.ids[i] = order_[begin + i];
        walk.visited.Insert(walk.ids[i]);
      }
      worker.from.To(walk.ids, n, walk.keys);
      kernels_.search.pool_insert(walk.pool, walk.keys, walk.ids, n);
    }
    Follow(worker);
    for (uint32_t i = 0; i < walk.pool.size; ++i) {
      if ((walk.pool.ids[i] & ~WalkScratch::kExpanded) == node) return true;
    }
    return false;
  }

  const BuildCodes& codes_;
  GraphOptions options_;
  const kernels::KernelTable& kernels_;
  uint32_t nodes_;
  int threads_ = 1;
  Graph graph_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<uint32_t> order_;
  std::vector<Edge> edges_;
  std::vector<uint32_t> starts_;
  std::vector<uint32_t> next_;
  std::vector<uint32_t> targets_;
  std::vector<uint32_t> sources_;
};

}  // namespace

Graph BuildGraph(const BuildCodes& codes, const GraphOptions& options) {
  if (codes.size() == 0) return {};
  return Builder(codes, options).Build();
}

std::vector<uint32_t> UnreachableNodes(const uint32_t* links, uint32_t degree, uint32_t nodes,
                                       uint32_t entry, std::span<const uint32_t> extra_entries) {
  std::vector<bool> reached(nodes);
  std::vector<uint32_t> open;
  const auto reach = [&](uint32_t node) {
    if (node >= nodes || reached[node]) return;
    reached[node] = true;
    open.push_back(node);
  };
  reach(entry);
  for (uint32_t node : extra_entries) reach(node);
  while (!open.empty()) {
    const uint32_t node = open.back();
    open.pop_back();
    const uint32_t* block = links + size_t{node} * degree;
    for (uint32_t i = 0; i < degree && block[i] < nodes; ++i) reach(block[i]);
  }
  std::vector<uint32_t> lost;
  for (uint32_t node = 0; node < nodes; ++node) {
    if (!reached[node]) lost.push_back(node);
  }
  return lost;
}

}  // namespace tarn::index
