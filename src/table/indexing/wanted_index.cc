// SPDX-License-Identifier: Apache-2.0
#include "table/indexing/wanted_index.h"

#include <nlohmann/json.hpp>

#include "arrow/util/key_value_metadata.h"
#include "parquet/metadata.h"

namespace tarn {

std::string WantedIndex::ToFooter() const {
  nlohmann::json json{{"type", type ? std::string(IndexTypeName(*type)) : "none"}};
  const IvfPqConfig usual;
  if (ivf_pq.nlist != usual.nlist) json["nlist"] = ivf_pq.nlist;
  if (ivf_pq.nprobe != usual.nprobe) json["nprobe"] = ivf_pq.nprobe;
  if (ivf_pq.m != usual.m) json["m"] = ivf_pq.m;
  if (ivf_pq.bits != usual.bits) json["bits"] = ivf_pq.bits;
  if (ivf_pq.residual != usual.residual) json["residual"] = ivf_pq.residual;
  if (ivf_pq.seed != usual.seed) json["seed"] = ivf_pq.seed;
  return json.dump();
}

std::optional<WantedIndex> WantedIndex::Parse(const std::string& value) {
  const auto json = nlohmann::json::parse(value, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("type") || !json["type"].is_string()) return {};
  WantedIndex wanted;
  if (json["type"] != "none") {
    auto type = ParseIndexType(json["type"].get<std::string>());
    if (!type.ok()) return {};
    wanted.type = *type;
  }
  const auto number = [&](const char* key, int32_t* out) {
    if (json.contains(key) && json[key].is_number_integer()) *out = json[key].get<int32_t>();
  };
  number("nlist", &wanted.ivf_pq.nlist);
  number("nprobe", &wanted.ivf_pq.nprobe);
  number("m", &wanted.ivf_pq.m);
  number("bits", &wanted.ivf_pq.bits);
  if (json.contains("residual") && json["residual"].is_boolean()) {
    wanted.ivf_pq.residual = json["residual"].get<bool>();
  }
  if (json.contains("seed") && json["seed"].is_number_unsigned()) {
    wanted.ivf_pq.seed = json["seed"].get<uint64_t>();
  }
  return wanted;
}

std::optional<WantedIndex> WantedIndex::Of(const parquet::FileMetaData& footer) {
  const auto& keys = footer.key_value_metadata();
  if (keys == nullptr) return {};
  const auto value = keys->Get(kFooterKey);
  return value.ok() ? Parse(*value) : std::nullopt;
}

}  // namespace tarn
