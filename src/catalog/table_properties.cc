// SPDX-License-Identifier: Apache-2.0
//
// The primary vector column keeps the property names that version 1 of the format uses; what those
// cannot say, and every further column, lies under `tarn.vector.<column>.<setting>`.
#include <charconv>
#include <utility>

#include "tarn/catalog.h"

namespace tarn {
namespace {

constexpr char kColumn[] = "ailake.vector-column";
constexpr char kDim[] = "ailake.vector-dim";
constexpr char kMetric[] = "ailake.vector-metric";
constexpr char kPrecision[] = "ailake.vector-precision";
constexpr char kHnswM[] = "ailake.hnsw-m";
constexpr char kHnswEfConstruction[] = "ailake.hnsw-ef-construction";
constexpr char kFormatVersion[] = "ailake.format-version";
constexpr char kHnswEfSearch[] = "tarn.hnsw-ef-search";
constexpr char kHnswCodeBits[] = "tarn.hnsw-code-bits";
constexpr char kIvfLists[] = "tarn.ivf.nlist";
constexpr char kIvfProbes[] = "tarn.ivf.nprobe";
constexpr char kIvfSubvectors[] = "tarn.ivf.m";
constexpr char kIvfBits[] = "tarn.ivf.bits";
constexpr char kIvfResidual[] = "tarn.ivf.residual";
constexpr char kIvfSeed[] = "tarn.ivf.seed";
constexpr std::string_view kVectorPrefix = "tarn.vector.";

using Properties = std::map<std::string, std::string>;

std::string SettingKey(const std::string& column, const char* setting) {
  return std::string(kVectorPrefix) + column + "." + setting;
}

void PutExtras(const VectorStoragePolicy& policy, Properties* out) {
  const std::string& column = policy.column_name;
  (*out)[SettingKey(column, "keep-raw")] = policy.keep_raw_for_reranking ? "true" : "false";
  if (policy.pq) {
    (*out)[SettingKey(column, "pq-subvectors")] = std::to_string(policy.pq->num_subvectors);
    (*out)[SettingKey(column, "pq-bits")] = std::to_string(policy.pq->bits);
  }
}

/// Settings that are left to Tarn are not written: most tables never need them.
void PutIvf(const IvfPqConfig& config, Properties* out) {
  const IvfPqConfig standard;
  const auto put = [&](const char* key, auto value, auto usual) {
    if (value != usual) (*out)[key] = std::to_string(value);
  };
  put(kIvfLists, config.nlist, standard.nlist);
  put(kIvfProbes, config.nprobe, standard.nprobe);
  put(kIvfSubvectors, config.m, standard.m);
  put(kIvfBits, config.bits, standard.bits);
  put(kIvfSeed, config.seed, standard.seed);
  if (config.residual != standard.residual) {
    (*out)[kIvfResidual] = config.residual ? "true" : "false";
  }
}

/// Takes properties out of a map one by one; what remains is not ours.
class Taker {
 public:
  explicit Taker(Properties properties) : rest_(std::move(properties)) {}

  std::optional<std::string> Take(const std::string& key) {
    const auto it = rest_.find(key);
    if (it == rest_.end()) return std::nullopt;
    std::string value = std::move(it->second);
    rest_.erase(it);
    return value;
  }

  Result<std::string> Required(const std::string& key) {
    auto value = Take(key);
    if (!value) return Error(ErrorKind::kCorrupt, "the table property '", key, "' is missing");
    return *std::move(value);
  }

  Result<int32_t> Number(const std::string& key, std::optional<int32_t> fallback) {
    const auto text = Take(key);
    if (!text && fallback) return *fallback;
    if (!text) return Error(ErrorKind::kCorrupt, "the table property '", key, "' is missing");
    int32_t value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc() || end != text->data() + text->size()) return Unreadable(key, *text);
    return value;
  }

  Result<uint64_t> Unsigned(const std::string& key, uint64_t fallback) {
    const auto text = Take(key);
    if (!text) return fallback;
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc() || end != text->data() + text->size()) return Unreadable(key, *text);
    return value;
  }

  Result<bool> Flag(const std::string& key, bool fallback) {
    const auto text = Take(key);
    if (!text) return fallback;
    if (*text != "true" && *text != "false") return Unreadable(key, *text);
    return *text == "true";
  }

  static Status Unreadable(const std::string& key, const std::string& text) {
    return Error(ErrorKind::kCorrupt, "the table property '", key, "' is '", text,
                 "', which cannot be read");
  }

  const Properties& rest() const { return rest_; }
  Properties TakeRest() { return std::move(rest_); }

 private:
  Properties rest_;
};

/// The four settings that every policy has.
struct PolicyKeys {
  std::string dim, metric, precision;
};

Result<VectorStoragePolicy> TakePolicy(Taker& taker, std::string column, const PolicyKeys& keys) {
  VectorStoragePolicy policy;
  policy.column_name = std::move(column);
  ARROW_ASSIGN_OR_RAISE(policy.dim, taker.Number(keys.dim, std::nullopt));
  ARROW_ASSIGN_OR_RAISE(const std::string metric, taker.Required(keys.metric));
  const auto parsed_metric = ParseMetric(metric);
  if (!parsed_metric.ok()) return Taker::Unreadable(keys.metric, metric);
  policy.metric = *parsed_metric;
  ARROW_ASSIGN_OR_RAISE(const std::string precision, taker.Required(keys.precision));
  const auto parsed_precision = ParsePrecision(precision);
  if (!parsed_precision.ok()) return Taker::Unreadable(keys.precision, precision);
  policy.precision = *parsed_precision;

  const std::string& name = policy.column_name;
  ARROW_ASSIGN_OR_RAISE(policy.keep_raw_for_reranking,
                        taker.Flag(SettingKey(name, "keep-raw"), true));
  const std::string subvectors = SettingKey(name, "pq-subvectors");
  if (taker.rest().count(subvectors) != 0) {
    policy.pq.emplace();
    ARROW_ASSIGN_OR_RAISE(policy.pq->num_subvectors, taker.Number(subvectors, std::nullopt));
    ARROW_ASSIGN_OR_RAISE(policy.pq->bits, taker.Number(SettingKey(name, "pq-bits"), 8));
  }
  const Status valid = policy.Validate();
  if (!valid.ok()) return Error(ErrorKind::kCorrupt, "table properties: ", valid.message());
  return policy;
}

Result<IvfPqConfig> TakeIvf(Taker& taker) {
  IvfPqConfig ivf;
  ARROW_ASSIGN_OR_RAISE(ivf.nlist, taker.Number(kIvfLists, ivf.nlist));
  ARROW_ASSIGN_OR_RAISE(ivf.nprobe, taker.Number(kIvfProbes, ivf.nprobe));
  ARROW_ASSIGN_OR_RAISE(ivf.m, taker.Number(kIvfSubvectors, ivf.m));
  ARROW_ASSIGN_OR_RAISE(ivf.bits, taker.Number(kIvfBits, ivf.bits));
  ARROW_ASSIGN_OR_RAISE(ivf.residual, taker.Flag(kIvfResidual, ivf.residual));
  ARROW_ASSIGN_OR_RAISE(ivf.seed, taker.Unsigned(kIvfSeed, ivf.seed));
  return ivf;
}

/// The further columns, by their position.
Result<std::map<int32_t, std::string>> FurtherColumns(Taker& taker) {
  constexpr std::string_view kSuffix = ".position";
  std::vector<std::string> keys;
  for (const auto& [key, value] : taker.rest()) {
    if (key.size() > kVectorPrefix.size() + kSuffix.size() &&
        key.compare(0, kVectorPrefix.size(), kVectorPrefix) == 0 &&
        key.compare(key.size() - kSuffix.size(), kSuffix.size(), kSuffix) == 0) {
      keys.push_back(key);
    }
  }
  std::map<int32_t, std::string> columns;
  for (const auto& key : keys) {
    ARROW_ASSIGN_OR_RAISE(const int32_t position, taker.Number(key, std::nullopt));
    const size_t length = key.size() - kVectorPrefix.size() - kSuffix.size();
    if (!columns.emplace(position, key.substr(kVectorPrefix.size(), length)).second) {
      return Error(ErrorKind::kCorrupt, "the table property '", key, "' repeats the position ",
                   position);
    }
  }
  return columns;
}

}  // namespace

Result<std::map<std::string, std::string>> TableProperties::ToIceberg() const {
  Properties out;
  for (size_t i = 0; i < vectors.size(); ++i) {
    const VectorStoragePolicy& policy = vectors[i];
    ARROW_RETURN_NOT_OK(policy.Validate());
    for (size_t j = 0; j < i; ++j) {
      if (vectors[j].column_name == policy.column_name) {
        return Error(ErrorKind::kBadInput, "the vector column '", policy.column_name,
                     "' has two policies");
      }
    }
    const bool primary = i == 0;
    const std::string& name = policy.column_name;
    out[primary ? kDim : SettingKey(name, "dim")] = std::to_string(policy.dim);
    out[primary ? kMetric : SettingKey(name, "metric")] = MetricName(policy.metric);
    out[primary ? kPrecision : SettingKey(name, "precision")] = PrecisionName(policy.precision);
    if (primary) {
      out[kColumn] = name;
    } else {
      out[SettingKey(name, "position")] = std::to_string(i);
    }
    PutExtras(policy, &out);
  }
  if (!vectors.empty()) {
    ARROW_RETURN_NOT_OK(hnsw.Validate());
    out[kFormatVersion] = "2";
    out[kHnswM] = std::to_string(hnsw.m);
    out[kHnswEfConstruction] = std::to_string(hnsw.ef_construction);
    out[kHnswEfSearch] = std::to_string(hnsw.ef_search);
    if (hnsw.code_bits != HnswConfig().code_bits) {
      out[kHnswCodeBits] = std::to_string(hnsw.code_bits);
    }
    // The number of sub-vectors may fit only some of the columns; it is checked again for each.
    ARROW_RETURN_NOT_OK(ivf_pq.Validate(vectors[0].dim));
    PutIvf(ivf_pq, &out);
  }
  for (const auto& [key, value] : extra) {
    if (!out.emplace(key, value).second) {
      return Error(ErrorKind::kBadInput, "the table property '", key,
                   "' is kept by Tarn; set it through the vector policy");
    }
  }
  return out;
}

Result<TableProperties> TableProperties::FromIceberg(const Properties& properties) {
  TableProperties result;
  Taker taker(properties);
  if (auto column = taker.Take(kColumn)) {
    ARROW_ASSIGN_OR_RAISE(auto primary,
                          TakePolicy(taker, *std::move(column), {kDim, kMetric, kPrecision}));
    result.vectors.push_back(std::move(primary));
    ARROW_ASSIGN_OR_RAISE(const auto further, FurtherColumns(taker));
    for (const auto& [position, name] : further) {
      ARROW_ASSIGN_OR_RAISE(auto policy,
                            TakePolicy(taker, name,
                                       {SettingKey(name, "dim"), SettingKey(name, "metric"),
                                        SettingKey(name, "precision")}));
      result.vectors.push_back(std::move(policy));
    }
    HnswConfig& hnsw = result.hnsw;
    ARROW_ASSIGN_OR_RAISE(hnsw.m, taker.Number(kHnswM, hnsw.m));
    ARROW_ASSIGN_OR_RAISE(hnsw.ef_construction,
                          taker.Number(kHnswEfConstruction, hnsw.ef_construction));
    ARROW_ASSIGN_OR_RAISE(hnsw.ef_search, taker.Number(kHnswEfSearch, hnsw.ef_search));
    ARROW_ASSIGN_OR_RAISE(hnsw.code_bits, taker.Number(kHnswCodeBits, hnsw.code_bits));
    ARROW_ASSIGN_OR_RAISE(result.ivf_pq, TakeIvf(taker));
    taker.Take(kFormatVersion);
  }
  result.extra = taker.TakeRest();
  return result;
}

}  // namespace tarn
