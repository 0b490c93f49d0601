internal import JSON
internal import Oversight

/// Content of foreign formats that is no text.
enum ForeignContent {
  /// Types of blocks that carry pictures, sounds and files.
  private static let media: Set = [
    "image", "image_url", "input_image", "input_audio", "audio", "file", "input_file", "document",
    "video", "video_url",
  ]

  /// A block of a type that the canonical form does not know, whole; of media only the type and the
  /// size, since their encoded bytes are nothing that a rule or a person could read.
  static func part(_ block: JSONValue, _ reading: inout Reading) -> Part {
    reading.warn(.unknownPart)
    let type = block["type"]?.string ?? "other"
    let text = block.text
    guard media.contains(type) else { return .other(type: type, json: text) }
    var writer = JSONWriter()
    writer.object { writer in
      writer.field("type", type)
      writer.field("opaque_bytes", text.utf8.count)
    }
    return .other(type: type, json: writer.text)
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
