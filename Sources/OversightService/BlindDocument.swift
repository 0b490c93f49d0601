internal import JSON

/// A verdict without the monitors' opinion, for who is to judge first.
enum BlindDocument {
  /// What is left of a verdict's document: what the rules found, and what could be measured.
  static func of(_ document: [UInt8]) -> [UInt8] {
    // A document that cannot be read is one of which nothing is told.
    (try? JSONParser().parse(document) { root, _ in strip(root) }) ?? Array("null".utf8)
  }

  private static let hidden: Set = [
    "verdict", "severity", "suspicion", "reasons", "externalisation", "redacted",
  ]
  private static let shownOutcomes: Set = ["rules", "latent"]

  private static func strip(_ root: JSONValue) -> [UInt8] {
    var writer = JSONWriter(capacity: 1024)
    writer.object { writer in
      for field in root.eachField {
        let name = field.key.string ?? ""
        guard !hidden.contains(name) else { continue }
        writer.key(name)
        switch name {
        case "findings":
          writer.array { writer in
            for finding in field.value.eachElement where finding["source"]?.string == "rule" {
              writer.raw(finding.text.utf8)
            }
          }
        case "outcomes":
          writer.object { writer in
            for outcome in field.value.eachField
            where shownOutcomes.contains(outcome.key.string ?? "") {
              writer.key(outcome.key.string ?? "")
              writer.raw(outcome.value.text.utf8)
            }
          }
        default: writer.raw(field.value.text.utf8)
        }
      }
    }
    return writer.bytes
  }
}
