/// Random numbers that are the same on every machine (Steele, Lea and Flood 2014).
package struct SplitMix: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }

  package mutating func index(below count: Int) -> Int { Int(next() % UInt64(count)) }

  /// 0 up to, but not, 1.
  package mutating func share() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// The same elements in an order that only the seed decides.
  package mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
    var elements = elements
    for index in elements.indices.reversed() {
      elements.swapAt(index, self.index(below: index + 1))
    }
    return elements
  }
}
