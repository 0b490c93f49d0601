/// Finds the samples of a large JSON log of Inspect without holding it: where each stands, and where
/// the fields do that all of them share.
///
/// The log is handed over in blocks. What stands between the samples is not looked at more closely
/// than that; each sample is read as a document of its own later, with everything that can be wrong
/// with it.
package struct InspectLogCutter {
  /// What was found.
  package struct Outline: Sendable {
    /// The field `eval`, by its bytes in the file.
    let eval: Range<Int>
    /// Each sample, by its bytes in the file.
    package let samples: [Range<Int>]
    /// Whether the file breaks off: then what stands before is there, and no more.
    package let isCutOff: Bool

    /// The log with one of its samples alone.
    ///
    /// - Parameter read: bytes of the file; nil if they cannot be read.
    package func document(
      _ sample: Range<Int>, _ read: (Range<Int>) -> [UInt8]?
    ) throws(ImportError) -> [UInt8] {
      guard let eval = read(eval), let sample = read(sample) else {
        throw ImportError(.malformed, "The file cannot be read.")
      }
      return Array("{\"version\":2,\"eval\":".utf8) + eval + Array(",\"samples\":[".utf8) + sample
        + Array("]}".utf8)
    }
  }

  private var position = 0
  private var depth = 0
  private var isInString = false
  private var isEscaped = false
  /// The bytes of a field's name of the log, while it is read.
  private var name: [UInt8] = []
  private var isName = false
  /// Whether the next string of the log is the name of a field.
  private var expectsName = false
  private var field = ""
  /// Where the value of the log's field began, and a sample.
  private var valueStart: Int?
  private var sampleStart: Int?
  private var eval: Range<Int>?
  private var samples: [Range<Int>] = []
  private var hasEnded = false
  /// Whether it is no object of fields.
  private var isOther = false

  /// Bytes of the name of a field that tells something.
  private static let nameMax = 16

  package init() {}

  /// Takes the next bytes of the file.
  package mutating func take(_ block: ArraySlice<UInt8>) {
    guard !isOther else { return }
    for byte in block {
      if hasEnded {
        // Something behind the log would be lost.
        if ![0x20, 0x09, 0x0A, 0x0D].contains(byte) { isOther = true }
      } else if isInString {
        readString(byte)
      } else {
        read(byte)
      }
      position += 1
      if isOther { return }
    }
  }

  private mutating func readString(_ byte: UInt8) {
    if isEscaped {
      isEscaped = false
    } else if byte == UInt8(ascii: "\\") {
      isEscaped = true
    } else if byte == UInt8(ascii: "\"") {
      isInString = false
      if isName {
        isName = false
        field = String(decoding: name, as: UTF8.self)
      }
      return
    }
    if isName, name.count < Self.nameMax { name.append(byte) }
  }

  private mutating func read(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""):
      isInString = true
      refuseLooseSample()
      guard depth == 1 else { return }
      if expectsName {
        isName = true
        expectsName = false
        name.removeAll(keepingCapacity: true)
      } else if valueStart == nil {
        valueStart = position
      }
    case UInt8(ascii: "{"), UInt8(ascii: "["): open(byte)
    case UInt8(ascii: "}"), UInt8(ascii: "]"): close()
    case UInt8(ascii: ","):
      guard depth == 1 else { return }
      endValue()
      expectsName = true
    case UInt8(ascii: ":"), 0x20, 0x09, 0x0A, 0x0D: break
    default:
      refuseLooseSample()
      if depth == 0 {
        isOther = true
      } else if depth == 1, valueStart == nil {
        valueStart = position
      }
    }
  }

  /// A sample that is no object is nothing to be passed over: the log is read whole, and refused.
  private mutating func refuseLooseSample() {
    if depth == 2, field == "samples" { isOther = true }
  }

  private mutating func open(_ byte: UInt8) {
    if depth == 0 {
      guard byte == UInt8(ascii: "{") else {
        isOther = true
        return
      }
      expectsName = true
    } else if depth == 1 {
      valueStart = position
    } else if depth == 2, field == "samples" {
      sampleStart = position
    }
    depth += 1
  }

  private mutating func close() {
    depth -= 1
    if depth == 2, field == "samples", let start = sampleStart {
      samples.append(start..<position + 1)
      sampleStart = nil
    } else if depth == 0 {
      endValue()
      hasEnded = true
    }
  }

  private mutating func endValue() {
    if let start = valueStart, field == "eval" { eval = start..<position }
    valueStart = nil
    field = ""
  }

  /// - Returns: nil if it is no log with samples.
  package func finish() -> Outline? {
    guard !isOther, let eval, !samples.isEmpty else { return nil }
    return Outline(eval: eval, samples: samples, isCutOff: !hasEnded)
  }
}
