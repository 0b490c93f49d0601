internal import JSON
internal import Oversight

/// Content of foreign formats that is no text.
enum ForeignContent {
  /// Bytes of a string without white space from which on it is taken for encoded bytes.
  private static let opaqueBytesMin = 256

  /// A block of a type that the canonical form does not know, whole, but for encoded pictures,
  /// sounds and files: of those the size is kept, since their bytes are nothing that a rule or a
  /// person could read.
  static func part(_ block: JSONValue, _ reading: inout Reading) -> Part {
    reading.warn(.unknownPart)
    var writer = JSONWriter()
    write(block, to: &writer)
    return .other(type: block["type"]?.string ?? "other", json: writer.text)
  }

  private static func write(_ value: JSONValue, to writer: inout JSONWriter) {
    switch value.kind {
    case .object:
      writer.object { writer in
        for field in value.eachField {
          writer.key(field.key.string ?? "")
          write(field.value, to: &writer)
        }
      }
    case .array:
      writer.array { writer in for element in value.eachElement { write(element, to: &writer) } }
    case .string where isOpaque(value):
      let bytes = value.string?.utf8.count ?? 0
      writer.object { $0.field("opaque_bytes", bytes) }
    default: value.write(to: &writer)
    }
  }

  private static func isOpaque(_ value: JSONValue) -> Bool {
    guard let text = value.string, text.utf8.count >= opaqueBytesMin else { return false }
    return !text.utf8.contains { $0 == 0x20 || $0 == 0x0A || $0 == 0x09 }
  }

  /// Content that is a text or a list of blocks, as one text; blocks that are no text stand in it as
  /// their JSON.
  static func text(_ content: JSONValue?, _ reading: inout Reading) -> String {
    guard let content else { return "" }
    if let text = content.string { return text }
    return content.eachElement.map { block in
      block["text"]?.string ?? part(block, &reading).text
    }.joined(separator: "\n")
  }
}
