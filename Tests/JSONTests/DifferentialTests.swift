import Foundation
import JSON
import TestSupport
import Testing

/// Our parser beside Foundation's, on the same documents.
@Suite struct DifferentialTests {
  private func isTakenByFoundation(_ bytes: [UInt8]) -> Bool {
    // What it throws is of no interest, only that it does.
    (try? JSONSerialization.jsonObject(with: Data(bytes), options: [.fragmentsAllowed])) != nil
  }

  /// Whether Foundation's value is the same. It decodes a whole double as an integer, and keeps no
  /// order of fields.
  private func isSame(_ ours: JSONTree, _ theirs: JSONTree) -> Bool {
    switch (ours, theirs) {
    case (.double(let a), .integer(let b)): a == Double(b)
    case (.double(let a), .unsigned(let b)): a == Double(b)
    case (.array(let a), .array(let b)):
      a.count == b.count && zip(a, b).allSatisfy { isSame($0, $1) }
    case (.object(let a), .object(let b)):
      a.count == b.count
        && zip(a.sorted { $0.key < $1.key }, b.sorted { $0.key < $1.key }).allSatisfy {
          $0.key == $1.key && isSame($0.value, $1.value)
        }
    default: ours == theirs
    }
  }

  @Test(arguments: SeededGenerator.series(20))
  func `a valid document means the same to both`(_ generator: SeededGenerator) throws {
    var generator = generator
    for _ in 0..<50 {
      let text = JSONTree.random(&generator).text(&generator)
      let parsed = try parse(text)
      let other = try JSONDecoder().decode(JSONTree.self, from: Data(text.utf8))
      #expect(isSame(parsed.tree, other), "seed \(generator.seed): \(text)")
    }
  }

  @Test(arguments: SeededGenerator.series(20))
  func `a mutated document is taken by both or by neither`(_ generator: SeededGenerator) {
    var generator = generator
    for _ in 0..<200 {
      let text = JSONTree.random(&generator, depth: 3).text(&generator)
      let bytes = generator.mutated(Array(text.utf8))
      guard !isOutsideOfComparison(bytes) else { continue }
      do throws(JSONError) {
        // A repair is an allowance of ours.
        guard try parse(bytes).repairs.isEmpty else { continue }
        #expect(isTakenByFoundation(bytes), "seed \(generator.seed): \(shown(bytes))")
      } catch {
        guard !isCommaBeforeEnd(bytes, error.offset) else { continue }
        #expect(!isTakenByFoundation(bytes), "seed \(generator.seed): \(shown(bytes))")
      }
    }
  }

  private func shown(_ bytes: [UInt8]) -> String {
    "\(String(decoding: bytes, as: UTF8.self)) \(bytes)"
  }

  /// Foundation takes a comma behind the last element, which RFC 8259 does not have.
  private func isCommaBeforeEnd(_ bytes: [UInt8], _ offset: Int?) -> Bool {
    guard let offset, offset < bytes.count, [0x5D, 0x7D].contains(bytes[offset]) else {
      return false
    }
    let before = bytes[..<offset].last { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
    return before == UInt8(ascii: ",")
  }

  /// Foundation guesses UTF-16 and UTF-32 from zeros and marks in front.
  private func isOutsideOfComparison(_ bytes: [UInt8]) -> Bool {
    bytes.prefix(4).contains { $0 == 0 || $0 >= 0xEF }
  }
}

extension JSONTree: Decodable {
  private struct AnyKey: CodingKey {
    let stringValue: String
    let intValue: Int? = nil
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { return nil }
  }

  init(from decoder: any Decoder) throws {
    if let object = try? decoder.container(keyedBy: AnyKey.self) {
      self = .object(
        try object.allKeys.map {
          Field(key: $0.stringValue, value: try object.decode(JSONTree.self, forKey: $0))
        })
    } else if var array = try? decoder.unkeyedContainer() {
      var elements: [JSONTree] = []
      while !array.isAtEnd { elements.append(try array.decode(JSONTree.self)) }
      self = .array(elements)
    } else {
      self = try Self.scalar(decoder.singleValueContainer())
    }
  }

  private static func scalar(_ container: any SingleValueDecodingContainer) throws -> JSONTree {
    if container.decodeNil() { return .null }
    if let value = try? container.decode(Bool.self) { return .boolean(value) }
    if let value = try? container.decode(Int.self) { return .integer(value) }
    if let value = try? container.decode(UInt64.self) { return .unsigned(value) }
    if let value = try? container.decode(Double.self) { return .double(value) }
    return .string(try container.decode(String.self))
  }
}
