package import Compression

extension HeaderFields {
  /// Whether a response in this coding is asked for (RFC 9110 §12.5.3): named with a weight that is
  /// not 0, or meant by `*`.
  package func accepts(_ coding: ContentCoding) -> Bool {
    var weightOfAll = 0.0
    var weight: Double?
    for text in values("accept-encoding") {
      for element in text.split(separator: ",") {
        let parts = element.split(separator: ";").map { $0.trimmed.lowercased() }
        guard let name = parts.first else { continue }
        let quality = parts.dropFirst().first { $0.hasPrefix("q=") }
        // A weight that is no number asks for nothing.
        let value = quality.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
        if name == coding.rawValue || name == "x-\(coding.rawValue)" { weight = value }
        if name == "*" { weightOfAll = value }
      }
    }
    return (weight ?? weightOfAll) > 0
  }
}

extension Substring {
  fileprivate var trimmed: Substring {
    var rest = drop { $0 == " " || $0 == "\t" }
    while let last = rest.last, last == " " || last == "\t" { rest = rest.dropLast() }
    return rest
  }
}
