internal import JSON
internal import Oversight

/// The fields that the canonical form and the envelope of a foreign document share.
enum EnvelopeFields {
  static func externalID(_ value: JSONValue, _ reading: inout Reading) -> String? {
    guard let id = reading.optionalString(value, bytesMax: EpisodeLimits.externalIDBytesMax) else {
      return nil
    }
    guard !id.isEmpty, !value.containsNUL else {
      reading.problem("invalid", "An external id must not be empty, nor hold U+0000.")
      return nil
    }
    return id
  }

  static func project(_ value: JSONValue, _ reading: inout Reading) -> String? {
    guard let name = reading.optionalString(value, bytesMax: EpisodeLimits.projectBytesMax) else {
      return nil
    }
    guard EpisodeImporter.isProjectName(name) else {
      reading.problem("invalid", "A project's name is made of A-Z, a-z, 0-9, '-', '_' and '.'.")
      return nil
    }
    return name
  }

  static func labels(_ value: JSONValue, _ reading: inout Reading) -> [String: String] {
    if value.isNull { return [:] }
    var labels: [String: String] = [:]
    for field in reading.eachField(value) {
      guard labels.count < EpisodeLimits.labelsMax else {
        reading.problem("too-many", "The limit is \(EpisodeLimits.labelsMax) labels.")
        break
      }
      let name = field.key.string ?? ""
      let label = labelText(field.value, &reading)
      guard name.utf8.count <= EpisodeLimits.labelBytesMax else {
        reading.problem("too-long", "A label's name may have \(EpisodeLimits.labelBytesMax) bytes.")
        continue
      }
      if let label { labels[name] = label }
    }
    return labels
  }

  /// Labels are texts; numbers and Booleans are taken as their JSON text.
  private static func labelText(_ value: JSONValue, _ reading: inout Reading) -> String? {
    switch value.kind {
    case .string: reading.string(value, bytesMax: EpisodeLimits.labelBytesMax)
    case .integer, .double, .boolean: value.text
    case .null: nil
    case .array, .object: reading.string(value)
    }
  }

  static func agent(
    _ value: JSONValue, _ agent: inout Episode.Agent, _ reading: inout Reading
  ) {
    for field in reading.eachField(value) {
      let limit = EpisodeLimits.nameBytesMax
      switch field.key.string {
      case "name":
        agent.name = reading.at("name") { $0.optionalString(field.value, bytesMax: limit) }
      case "version":
        agent.version = reading.at("version") { $0.optionalString(field.value, bytesMax: limit) }
      case "model":
        agent.model = reading.at("model") { $0.optionalString(field.value, bytesMax: limit) }
      default: reading.keep(field)
      }
    }
  }
}
