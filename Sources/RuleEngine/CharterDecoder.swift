internal import Cryptography
internal import Foundation
package import Oversight
internal import Yams

/// Reads charters, `overt.charter/1`, from `Rules/charters`.
package enum CharterDecoder {
  static let schema = "overt.charter/1"
  /// The folder of charters beside the rules.
  package static let folder = "charters"
  private static let principlesMax = 100

  /// The charters of a folder of rules, by the names of their files.
  ///
  /// - Throws: ``RuleError`` with everything that is wrong with them.
  package static func read(rules folder: String) throws(RuleError) -> [String: Charter] {
    let path = "\(folder)/\(Self.folder)"
    // A folder of rules without charters has none.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    var charters: [String: Charter] = [:]
    var diagnostics: [Diagnostic] = []
    for name in names.sorted() where name.hasSuffix(".yaml") || name.hasSuffix(".yml") {
      let id = String(name.prefix { $0 != "." })
      do throws(RuleError) {
        charters[id] = try read(file: "\(path)/\(name)", id: id)
      } catch {
        diagnostics += error.diagnostics
      }
    }
    guard diagnostics.isEmpty else { throw RuleError(diagnostics: diagnostics) }
    return charters
  }

  private static func read(file: String, id: String) throws(RuleError) -> Charter {
    let source: String
    do {
      source = try String(contentsOfFile: file, encoding: .utf8)
    } catch {
      throw RuleError(diagnostics: [
        Diagnostic(.unreadable, file: file, "The charter cannot be read, or is not UTF-8.")
      ])
    }
    return try charter(source, file: file, id: id)
  }

  package static func charter(
    _ source: String, file: String, id: String
  ) throws(RuleError) -> Charter {
    var reading = YAMLReading(file: file)
    var charter = Charter(
      id: id, title: "", principles: [], version: Digest(of: source).description)
    if let root = reading.root(source) {
      let fields = reading.fields(root, known: ["schema", "title", "principles"])
      let schema = reading.text(fields["schema"], "schema", in: root)
      if let schema, schema != Self.schema {
        reading.report(
          .unknownWord, at: fields["schema"], "The schema '\(schema)' is not known.",
          help: Self.schema)
      }
      charter.title = reading.text(fields["title"], "title", in: root) ?? ""
      charter.principles = principles(fields["principles"], in: root, &reading)
    }
    guard reading.diagnostics.isEmpty else { throw RuleError(diagnostics: reading.diagnostics) }
    return charter
  }

  private static func principles(
    _ node: Node?, in root: Node, _ reading: inout YAMLReading
  ) -> [Charter.Principle] {
    guard let node else {
      reading.report(.missingField, at: root, "The field 'principles' is missing.")
      return []
    }
    guard let sequence = node.sequence, !sequence.isEmpty else {
      reading.report(.wrongType, at: node, "'principles' must be a list of principles.")
      return []
    }
    guard sequence.count <= principlesMax else {
      reading.report(.tooLarge, at: node, "There are more than \(principlesMax) principles.")
      return []
    }
    var seen: Set<String> = []
    return sequence.compactMap { entry in
      let fields = reading.fields(entry, known: ["id", "text"])
      guard let id = reading.text(fields["id"], "id", in: entry),
        let text = reading.text(fields["text"], "text", in: entry)
      else { return nil }
      if !seen.insert(id).inserted {
        reading.report(.duplicateID, at: fields["id"], "Another principle has the id '\(id)'.")
      }
      if !PlanChecks.rulesSomethingOut(text) {
        reading.report(
          .malformed, at: fields["text"],
          "Nothing can be compared with the principle: it does not say what must not happen.",
          help: "Write a sentence such as 'Never delete data that was not backed up.'")
      }
      return Charter.Principle(id: id, text: text)
    }
  }
}
