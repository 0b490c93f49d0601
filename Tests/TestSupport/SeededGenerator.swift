internal import Foundation

/// SplitMix64 (Steele, Lea and Flood 2014): the same numbers on every machine for one seed.
package struct SeededGenerator: RandomNumberGenerator {
  /// The seed that it began with; belongs in the comment of every expectation that depends on it.
  package let seed: UInt64
  private var state: UInt64

  /// - Parameter seed: nil takes `OVERT_SEED`, or a fixed seed where it is not set.
  package init(seed: UInt64? = nil) {
    self.seed = seed ?? Self.environmentSeed ?? 0x0E57_5EED
    state = self.seed
  }

  /// Generators for a test with arguments: `count` of them, whose seeds follow the first.
  package static func series(_ count: Int) -> [SeededGenerator] {
    let first = SeededGenerator().seed
    return (0..<count).map { SeededGenerator(seed: first &+ UInt64($0)) }
  }

  private static var environmentSeed: UInt64? {
    ProcessInfo.processInfo.environment["OVERT_SEED"].flatMap { UInt64($0) }
  }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}

extension SeededGenerator {
  /// An element of a list that is not empty.
  package mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[Int.random(in: 0..<elements.count, using: &self)]
  }

  /// True once in `count` times.
  package mutating func isOne(in count: Int) -> Bool {
    Int.random(in: 0..<count, using: &self) == 0
  }

  /// Bytes with one to four of them replaced, taken out, put in or cut off.
  package mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...4, using: &self) where !bytes.isEmpty {
      let index = Int.random(in: 0..<bytes.count, using: &self)
      switch Int.random(in: 0..<6, using: &self) {
      case 0: bytes[index] = UInt8.random(in: 0...255, using: &self)
      case 1: bytes[index] = pick(Array(#"{}[]":,\0e-u"#.utf8))
      case 2: bytes.remove(at: index)
      case 3: bytes.insert(bytes[Int.random(in: 0..<bytes.count, using: &self)], at: index)
      case 4: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &self)
      default: if isOne(in: 4) { bytes.removeSubrange(index...) }
      }
    }
    return bytes
  }
}
