// SPDX-License-Identifier: Apache-2.0
#include "iceberg/snapshot_json.h"

#include <utility>

namespace tarn::iceberg {

Json SnapshotJson(const Snapshot& snapshot, int32_t format_version) {
  Json json{{"snapshot-id", snapshot.snapshot_id.value()}};
  if (snapshot.parent_id) json["parent-snapshot-id"] = snapshot.parent_id->value();
  if (format_version > 1) json["sequence-number"] = snapshot.sequence_number;
  json["timestamp-ms"] = snapshot.timestamp_ms;
  if (!snapshot.summary.empty()) json["summary"] = snapshot.summary;
  if (snapshot.manifests.empty()) {
    json["manifest-list"] = snapshot.manifest_list;
  } else {
    json["manifests"] = snapshot.manifests;
  }
  if (snapshot.schema_id) json["schema-id"] = *snapshot.schema_id;
  if (snapshot.first_row_id) json["first-row-id"] = *snapshot.first_row_id;
  if (snapshot.added_rows) json["added-rows"] = *snapshot.added_rows;
  MergeExtra(json, snapshot.extra);
  return json;
}

Result<Snapshot> SnapshotOf(const Json& json, const std::string& where) {
  ARROW_ASSIGN_OR_RAISE(auto object, JsonObject::Of(json, where));
  Snapshot snapshot;
  ARROW_ASSIGN_OR_RAISE(const int64_t id, object.Int("snapshot-id"));
  if (id == 0) return object.Corrupt("a snapshot has the id 0");
  snapshot.snapshot_id = SnapshotId(id);
  ARROW_ASSIGN_OR_RAISE(const auto parent, object.OptionalInt("parent-snapshot-id"));
  if (parent.value_or(-1) != -1) snapshot.parent_id = SnapshotId(*parent);
  ARROW_ASSIGN_OR_RAISE(const auto sequence, object.OptionalInt("sequence-number"));
  snapshot.sequence_number = sequence.value_or(0);
  ARROW_ASSIGN_OR_RAISE(snapshot.timestamp_ms, object.Int("timestamp-ms"));
  ARROW_ASSIGN_OR_RAISE(snapshot.summary, object.StringMap("summary"));
  ARROW_ASSIGN_OR_RAISE(const auto list, object.OptionalString("manifest-list"));
  ARROW_ASSIGN_OR_RAISE(const auto manifests, object.Array("manifests"));
  for (const Json* manifest : manifests) {
    if (!manifest->is_string()) return object.Corrupt("'manifests' holds no paths");
    snapshot.manifests.push_back(manifest->get<std::string>());
  }
  if (list) {
    snapshot.manifest_list = *list;
    snapshot.manifests.clear();
  } else if (snapshot.manifests.empty() && object.Find("manifests") == nullptr) {
    return object.Corrupt("'manifest-list' is missing");
  }
  ARROW_ASSIGN_OR_RAISE(const auto schema_id, object.OptionalInt("schema-id"));
  if (schema_id) {
    ARROW_ASSIGN_OR_RAISE(snapshot.schema_id, ToInt32(*schema_id, object, "schema-id"));
  }
  ARROW_ASSIGN_OR_RAISE(snapshot.first_row_id, object.OptionalInt("first-row-id"));
  ARROW_ASSIGN_OR_RAISE(snapshot.added_rows, object.OptionalInt("added-rows"));
  snapshot.extra = object.Rest();
  return snapshot;
}

Json RefJson(const SnapshotRef& ref) {
  Json json{{"snapshot-id", ref.snapshot_id.value()}, {"type", ref.is_branch ? "branch" : "tag"}};
  if (ref.min_snapshots_to_keep) json["min-snapshots-to-keep"] = *ref.min_snapshots_to_keep;
  if (ref.max_snapshot_age_ms) json["max-snapshot-age-ms"] = *ref.max_snapshot_age_ms;
  if (ref.max_ref_age_ms) json["max-ref-age-ms"] = *ref.max_ref_age_ms;
  MergeExtra(json, ref.extra);
  return json;
}

Result<SnapshotRef> RefOf(const Json& json, const std::string& where) {
  ARROW_ASSIGN_OR_RAISE(auto object, JsonObject::Of(json, where));
  SnapshotRef ref;
  ARROW_ASSIGN_OR_RAISE(const int64_t id, object.Int("snapshot-id"));
  ref.snapshot_id = SnapshotId(id);
  ARROW_ASSIGN_OR_RAISE(const std::string type, object.String("type"));
  if (type != "branch" && type != "tag") return object.Corrupt("'type' is not branch or tag");
  ref.is_branch = type == "branch";
  ARROW_ASSIGN_OR_RAISE(const auto keep, object.OptionalInt("min-snapshots-to-keep"));
  if (keep) {
    ARROW_ASSIGN_OR_RAISE(ref.min_snapshots_to_keep,
                          ToInt32(*keep, object, "min-snapshots-to-keep"));
  }
  ARROW_ASSIGN_OR_RAISE(ref.max_snapshot_age_ms, object.OptionalInt("max-snapshot-age-ms"));
  ARROW_ASSIGN_OR_RAISE(ref.max_ref_age_ms, object.OptionalInt("max-ref-age-ms"));
  ref.extra = object.Rest();
  return ref;
}

Result<SnapshotLogEntry> SnapshotLogEntryOf(const Json& json, const std::string& where) {
  ARROW_ASSIGN_OR_RAISE(auto object, JsonObject::Of(json, where));
  SnapshotLogEntry entry;
  ARROW_ASSIGN_OR_RAISE(entry.timestamp_ms, object.Int("timestamp-ms"));
  ARROW_ASSIGN_OR_RAISE(const int64_t id, object.Int("snapshot-id"));
  entry.snapshot_id = SnapshotId(id);
  return entry;
}

}  // namespace tarn::iceberg
