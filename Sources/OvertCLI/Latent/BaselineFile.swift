internal import Foundation
internal import JSON
internal import Oversight
internal import OversightService

/// What is usual for models' states, as `overt models export` writes it and `--baseline` reads it.
enum BaselineFile {
  /// - Parameter answer: what `GET /v1/models/{id}` answered, one for each model.
  static func text(_ answers: [[UInt8]]) throws -> String {
    var writer = JSONWriter()
    var baselines: [String] = []
    for answer in answers {
      baselines += try JSONParser().parse(answer) { value, _ in
        value["baselines"]?.eachElement.map(\.text) ?? []
      }
    }
    writer.object { writer in
      writer.field("schema", BaselineDocument.schema)
      writer.field("features", LatentReading.featureNames)
      writer.key("baselines")
      writer.array { writer in for baseline in baselines { writer.raw(baseline.utf8) } }
    }
    return writer.text + "\n"
  }

  /// - Throws: ``CommandFailure`` (78) if it is no such file.
  static func read(_ path: String) throws -> [LatentBaseline.Key: LatentBaseline] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw CommandFailure(.badConfiguration, "the baseline \(path) cannot be read")
    }
    let wrong = CommandFailure(
      .badConfiguration, "\(path) is no baseline of this version; 'overt models export' writes one")
    let read: [LatentBaseline.Key: LatentBaseline]?
    do {
      read = try JSONParser().parse([UInt8](data)) { value, _ in
        let features = value["features"]?.eachElement.compactMap(\.string) ?? []
        guard value["schema"]?.string == BaselineDocument.schema,
          features == LatentReading.featureNames, let list = value["baselines"]
        else { return nil }
        var baselines: [LatentBaseline.Key: LatentBaseline] = [:]
        for element in list.eachElement {
          guard let (key, baseline) = BaselineDocument.read(element) else { return nil }
          baselines[key] = baseline
        }
        return baselines
      }
    } catch {
      throw wrong
    }
    guard let read else { throw wrong }
    return read
  }
}
