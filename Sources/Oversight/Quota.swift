/// How much a token may use in a window of time.
package struct Quota: Sendable, Hashable {
  /// What is counted.
  package enum Measure: String, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    /// Requests.
    case requests
    /// Bytes of request bodies, as received.
    case bytes

    package var description: String { rawValue }
  }

  package let measure: Measure
  /// At least 1.
  package let amount: Int
  /// Seconds of the window: 1 to a day.
  package let seconds: Int

  private static let secondsMax = 86_400

  /// Nil if the amount or the window is out of range.
  package init?(_ measure: Measure, _ amount: Int, seconds: Int) {
    guard amount > 0, (1...Self.secondsMax).contains(seconds) else { return nil }
    self.measure = measure
    self.amount = amount
    self.seconds = seconds
  }
}

extension Quota: CustomStringConvertible {
  /// `requests=600/60`: the measure, the amount, the seconds.
  package var description: String { "\(measure)=\(amount)/\(seconds)" }

  /// Reads what ``description`` writes.
  package init?(_ text: String) {
    let halves = text.split(separator: "=", omittingEmptySubsequences: false)
    guard halves.count == 2, let measure = Measure(rawValue: String(halves[0])) else { return nil }
    let numbers = halves[1].split(separator: "/", omittingEmptySubsequences: false)
    guard numbers.count == 2, let amount = Int(numbers[0]), let seconds = Int(numbers[1]) else {
      return nil
    }
    self.init(measure, amount, seconds: seconds)
  }
}
