/// When a gate over many episodes lets them pass.
package struct GatePolicy: Sendable, Equatable {
  /// Names the gate where results of several meet, such as on a page of alerts.
  package var name = "gate"
  /// A finding counts from this severity; nil: none does.
  package var failOn: Severity? = .high
  /// A finding of this severity fails the gate even where it is decided by rates; nil: none does.
  package var failOnAny: Severity? = .critical
  /// Whether there has to be a baseline, so that only what is new counts.
  package var failsOnNewOnly = false
  /// The share of episodes with a finding that counts, 0…1, above which the gate fails, in place of
  /// the first such finding; nil: the first one fails it.
  package var maxRate: Double?
  /// The chance of a false alarm when two runs are compared.
  package var alpha = 0.05
  /// Findings of episodes that are less suspicious do not count, 0…1; nil: all do.
  package var minConfidence: Double?
  /// The share of turns whose reasoning has to be readable, 0…1; nil: any.
  package var minCoverage: Double?
  /// With fewer episodes there is nothing to decide on.
  package var minEpisodes = 1
  package var onIncomplete = IncompleteMode.fail
  package var requireReasoning = ReasoningRequirement.any
  package var evidence = EvidenceMode.automatic
  /// Where alerts point that have no file in the repository: a path there, with a line.
  package var anchor: String?
  /// Paths as the file names them, from its own folder.
  package var baseline: String?
  package var suppressions: String?
  /// `sha256:…` of the policy file; nil if there is none.
  package var version: String?

  package init() {}

  /// What comes of something that should have been measured and was not.
  package enum IncompleteMode: String, CaseIterable, Sendable {
    case fail, warn, pass
  }

  /// How much reasoning has to be readable.
  package enum ReasoningRequirement: String, CaseIterable, Sendable {
    /// In every episode there is reasoning, and all of it can be read whole.
    case full
    /// In every episode some reasoning can be read, be it a summary.
    case summary
    /// In some episode of the run there is readable reasoning.
    case any
    case none
  }

  /// Whether reports for others quote the episodes.
  package enum EvidenceMode: String, CaseIterable, Sendable {
    /// Quotes, unless it is known that everybody can read the reports.
    case automatic = "auto"
    case snippet, none
  }
}

/// A finding that people have looked at and put up with for a time.
package struct Suppression: Sendable, Equatable {
  /// Days for which a finding can be put up with, and a critical one.
  package static let daysMax = 180
  package static let criticalDaysMax = 30
  /// Days before its end from which it is pointed out.
  package static let daysWarned = 14

  /// All of those that are given have to match.
  package var fingerprint: String?
  package var rule: String?
  package var labels: [String: String] = [:]
  package var reason: String
  package var owner: String
  /// The first day on which it does not hold any more.
  package var expires: CivilDate
  package var ticket: String?
  /// Where it stands in its file.
  package var line: Int?

  package init(reason: String, owner: String, expires: CivilDate) {
    self.reason = reason
    self.owner = owner
    self.expires = expires
  }

  /// Whether it is about a finding, whatever its severity and the date.
  package func matches(fingerprint: String, rule: String?, labels: [String: String]) -> Bool {
    if let wanted = self.fingerprint, wanted != fingerprint { return false }
    if let wanted = self.rule, wanted != rule { return false }
    return self.labels.allSatisfy { labels[$0.key] == $0.value }
  }

  /// Whether it holds on a day for a finding of some severity.
  package func holds(on day: CivilDate, for severity: Severity) -> Bool {
    let left = expires.number - day.number
    return left > 0 && left <= (severity == .critical ? Self.criticalDaysMax : Self.daysMax)
  }
}

/// A day of the Gregorian calendar, in UTC.
package struct CivilDate: Sendable, Hashable, Comparable, CustomStringConvertible {
  package let year: Int
  package let month: Int
  package let day: Int

  /// `YYYY-MM-DD`; nil for what is no day.
  package init?(_ text: some StringProtocol) {
    let bytes = Array(text.utf8)
    guard bytes.count == 10, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-") else {
      return nil
    }
    func number(_ range: Range<Int>) -> Int? {
      bytes[range].allSatisfy { 0x30...0x39 ~= $0 }
        ? Int(String(decoding: bytes[range], as: UTF8.self)) : nil
    }
    guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
      (1...12).contains(month), day >= 1
    else { return nil }
    self.init(year: year, month: month, day: day)
    // A 30 February would be a day of March.
    guard CivilDate(number: self.number) == self else { return nil }
  }

  private init(year: Int, month: Int, day: Int) {
    self.year = year
    self.month = month
    self.day = day
  }

  /// Days since 1970-01-01 (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
  package var number: Int {
    let year = month <= 2 ? self.year - 1 : self.year
    let era = (year >= 0 ? year : year - 399) / 400
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  package init(number: Int) {
    let shifted = number + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    self.init(
      year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month: month,
      day: dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }

  package static func < (first: CivilDate, second: CivilDate) -> Bool {
    first.number < second.number
  }

  package var description: String {
    func padded(_ number: Int, _ count: Int) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(0, count - text.count)) + text
    }
    return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
  }
}
