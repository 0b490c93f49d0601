internal import HTTPServer
internal import JSON
internal import LatentAnalysis
internal import Oversight

/// Models seen, what is usual for each, and how much of its work each version puts into words.
extension OversightService {
  func listModels(_ call: Call) throws(Refusal) {
    episodes.models(project: try project(call)) { [self] result in
      switch result {
      case .success(let models):
        var writer = JSONWriter()
        writer.object { writer in
          writer.key("data")
          writer.array { writer in
            for model in models { writer.object { ModelDocument.write(model, to: &$0) } }
          }
        }
        call.send(.json(.ok, writer.bytes))
      case .failure(let error): call.send(problem(error))
      }
    }
  }

  func getModel(_ call: Call) throws(Refusal) {
    withModel(call) { [self] model in
      episodes.baselines(of: model.name, project: model.project) { [self] result in
        switch result {
        case .success(let baselines):
          call.send(.json(.ok, ModelDocument.document(model, baselines)))
        case .failure(let error): call.send(problem(error))
        }
      }
    }
  }

  func getExternalisation(_ call: Call) throws(Refusal) {
    let alpha = try call.query.number("alpha", in: 1e-6...0.5) ?? 0.05
    let tolerance = try call.query.number("tolerance", in: 0...1) ?? 0.05
    let reference = call.query["reference"]
    withModel(call) { [self] model in
      if let reference, !model.versions.contains(where: { $0.name == reference }) {
        return call.send(
          .parameter("reference", "No episode with a latent summary is of this version."))
      }
      episodes.readings(of: model.name, project: model.project) { [self] result in
        switch result {
        case .success(let readings):
          let drift = ExternalisationDrift(
            readings, reference: reference, alpha: alpha, tolerance: tolerance)
          call.send(.json(.ok, ModelDocument.document(model, drift)))
        case .failure(let error): call.send(problem(error))
        }
      }
    }
  }

  /// The model whose id stands in the path; a 404 if there is none that the caller may see.
  private func withModel(_ call: Call, _ body: @escaping @Sendable (StoredModel) -> Void) {
    episodes.models(project: call.grant?.project) { [self] result in
      switch result {
      case .success(let models):
        guard let model = models.first(where: { Identifier.model($0) == call.arguments[0] }) else {
          return call.send(.notFound)
        }
        body(model)
      case .failure(let error): call.send(problem(error))
      }
    }
  }

  private func project(_ call: Call) throws(Refusal) -> String? {
    let asked = call.query["project"]
    let bound = call.grant?.project
    guard bound == nil || asked == nil || asked == bound else { throw Refusal(.otherProject) }
    return bound ?? asked
  }
}

/// Models as they are answered.
enum ModelDocument {
  /// The fields of a model, into an open object.
  static func write(_ model: StoredModel, to writer: inout JSONWriter) {
    writer.field("id", Identifier.model(model))
    writer.field("project", model.project)
    writer.field("name", model.name)
    writer.field("episodes", model.episodes)
    writer.field("flagged", model.flagged)
    writer.key("versions")
    writer.array { writer in
      for version in model.versions {
        writer.object { writer in
          writer.field("version", version.name)
          writer.field("latent_episodes", version.episodes)
          writer.field("first_seen", version.firstSeen)
          writer.field("last_seen", version.lastSeen)
        }
      }
    }
  }

  static func document(
    _ model: StoredModel, _ baselines: [LatentBaseline.Key: LatentBaseline]
  ) -> [UInt8] {
    var writer = JSONWriter()
    writer.object { writer in
      write(model, to: &writer)
      writer.field("features", LatentReading.featureNames)
      writer.key("baselines")
      writer.array { writer in
        let sorted = baselines.sorted {
          ($0.key.version, $0.key.recorder) < ($1.key.version, $1.key.recorder)
        }
        for (key, baseline) in sorted {
          writer.object { BaselineDocument.write(baseline, key, to: &$0) }
        }
      }
    }
    return writer.bytes
  }

  static func document(_ model: StoredModel, _ drift: ExternalisationDrift) -> [UInt8] {
    var writer = JSONWriter()
    writer.object { writer in
      writer.field("id", Identifier.model(model))
      writer.field("project", model.project)
      writer.field("name", model.name)
      DriftDocument.write(drift, to: &writer)
    }
    return writer.bytes
  }
}

extension Identifier {
  /// The name of a model: the same for the same project and name.
  fileprivate static func model(_ model: StoredModel) -> String {
    named("mdl", "\(model.project)\n\(model.name)")
  }
}
