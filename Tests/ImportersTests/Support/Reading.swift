import Importers
import JSON
import Oversight
import TestSupport

/// Reads a document that must be taken.
func read(_ json: String, isStrict: Bool = false) throws -> Episode {
  try EpisodeImporter().episode(Array(json.utf8), isStrict: isStrict)
}

/// The error of a document that must be refused; nil if it is taken.
func refusal(_ json: String, isStrict: Bool = false) -> ImportError? {
  do throws(ImportError) {
    _ = try EpisodeImporter().episode(Array(json.utf8), isStrict: isStrict)
    return nil
  } catch {
    return error
  }
}

/// `pointer code` of each problem of a document.
func problems(_ json: String, isStrict: Bool = false) -> [String] {
  refusal(json, isStrict: isStrict)?.problems.map { "\($0.pointer) \($0.code)" } ?? ["taken"]
}

/// The elements of a document that is an array, each as a document.
func elements(_ bytes: [UInt8]) throws -> [String] {
  try JSONParser().parse(bytes) { root, _ in root.eachElement.map(\.text) }
}

extension Episode {
  /// The visibilities of all reasoning parts, in order.
  var visibilities: [Visibility] {
    messages.flatMap(\.parts).compactMap { part in
      if case .reasoning(let reasoning) = part { reasoning.visibility } else { nil }
    }
  }

  /// The texts of all parts of a kind, in order.
  func texts(_ kind: Part.Kind) -> [String] {
    messages.flatMap(\.parts).filter { $0.kind == kind }.map(\.text)
  }
}
