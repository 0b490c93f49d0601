package import JSON
package import LatentAnalysis
package import Oversight

/// How much of a model's work is in its text, as it is answered and printed.
package enum DriftDocument {
  /// Into an open object. The index never without what it rests on.
  package static func write(_ drift: ExternalisationDrift, to writer: inout JSONWriter) {
    writer.field("reference", drift.reference)
    writer.field("alpha", drift.alpha)
    writer.field("tolerance", drift.tolerance)
    writer.field("metrics", drift.metrics)
    writer.key("versions")
    writer.array { writer in
      for version in drift.versions { writer.object { write(version, to: &$0) } }
    }
    writer.field("caveats", ExternalisationDrift.caveats)
  }

  private static func write(
    _ version: ExternalisationDrift.Version, to writer: inout JSONWriter
  ) {
    writer.field("version", version.name)
    writer.field("episodes", version.episodes)
    writer.field("index", version.index)
    writer.field("causal_text_share", version.causalTextShare)
    writer.field("evidence", version.evidence)
    writer.key("tasks")
    writer.object { writer in
      for (task, count) in version.tasks.sorted(by: { $0.key < $1.key }) {
        writer.field(task, count)
      }
    }
    writer.field("other_probe", version.otherProbe)
    writer.key("drift")
    guard let test = version.test else { return writer.null() }
    writer.object { writer in
      writer.field("episodes", test.count)
      writer.field("excluded", test.excluded)
      // How many of them had each metric: what is compared and missing was not measured.
      writer.key("measured")
      writer.object { writer in
        for (metric, level) in test.levels.sorted(by: { $0.key < $1.key }) {
          writer.field(metric, level.count)
        }
      }
      writer.field("log_wealth", test.logWealth)
      writer.field("log_wealth_max", test.logWealthMax)
      writer.field("log_threshold", test.logThreshold)
      writer.field("alarm", test.alarm != nil)
      writer.key("alarm_episode")
      if let alarm = test.alarm { writer.number(alarm + 1) } else { writer.null() }
      writer.key("wealth")
      writer.array { writer in for value in test.wealth { writer.number(value) } }
    }
  }
}

/// Baselines as they are answered and exported.
package enum BaselineDocument {
  package static let schema = "overt.baseline/1"

  /// Into an open object.
  package static func write(
    _ baseline: LatentBaseline, _ key: LatentBaseline.Key, to writer: inout JSONWriter
  ) {
    writer.field("project", key.project)
    writer.field("model", key.model)
    writer.field("version", key.version)
    writer.field("recorder", key.recorder)
    writer.field("count", baseline.count)
    writer.field("fitted", baseline.fitted)
    let lists = [
      ("mean", baseline.mean), ("comoment", baseline.comoment),
      ("sample", baseline.sample.flatMap(\.self)),
    ]
    for (name, values) in lists {
      writer.key(name)
      writer.array { writer in for value in values { writer.number(value) } }
    }
  }

  /// Reads one; nil if its numbers do not fit together.
  package static func read(_ value: JSONValue) -> (LatentBaseline.Key, LatentBaseline)? {
    func numbers(_ value: JSONValue?) -> [Double] { value?.eachElement.compactMap(\.double) ?? [] }
    guard let project = value["project"]?.string, let model = value["model"]?.string,
      let version = value["version"]?.string, let recorder = value["recorder"]?.string,
      let count = value["count"]?.integer, let fitted = value["fitted"]?.integer,
      let baseline = LatentBaseline(
        count: count, fitted: fitted, mean: numbers(value["mean"]),
        comoment: numbers(value["comoment"]), sample: numbers(value["sample"]))
    else { return nil }
    let key = LatentBaseline.Key(
      project: project, model: model, version: version, recorder: recorder)
    return (key, baseline)
  }
}
