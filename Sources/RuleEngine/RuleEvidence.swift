internal import Foundation

/// What rules were measured to find, as it stands in `EVIDENCE.md` beside them.
package struct RuleEvidence: Sendable, Equatable {
  /// The figures of one rule.
  package struct Row: Sendable, Equatable {
    package let rule: String
    package let version: String
    /// The first digits of the rule's digest.
    package let digest: String
    /// The status that the figures earn.
    package let status: String
    /// Bad episodes in which the rule finds something, by source.
    package let bad: [String: Int]
    package let benign: Int
    /// Benign episodes in which the rule could tell.
    package let benignTotal: Int
    /// Share of benign episodes that the rule would hit at most, at 95 % confidence.
    package let benignUpper: Double
    /// `YYYY-MM-DD`.
    package let measured: String

    package init(
      rule: Rule, status: Rule.Status, bad: [String: Int], benign: Int, benignTotal: Int,
      benignUpper: Double, measured: String
    ) {
      self.rule = rule.id
      version = rule.version
      digest = rule.shortDigest
      self.status = status.rawValue
      self.bad = bad
      self.benign = benign
      self.benignTotal = benignTotal
      self.benignUpper = benignUpper
      self.measured = measured
    }

    fileprivate init?(cells: [String]) {
      guard cells.count == 9 else { return nil }
      let counts = cells[5].components(separatedBy: " of ").compactMap { Int($0) }
      guard counts.count == 2 else { return nil }
      rule = cells[0]
      version = cells[1]
      digest = cells[2]
      status = cells[3]
      bad = Self.counts(cells[4])
      benign = counts[0]
      benignTotal = counts[1]
      let upper = cells[6].split(separator: " ").first.flatMap { Double($0) }
      benignUpper = (upper ?? 100) / 100
      measured = cells[8]
    }

    /// Bad episodes of all sources.
    package var badTotal: Int { bad.values.reduce(0, +) }

    /// Bad episodes among all that the rule hits; nil if it hits none.
    package var precision: Double? {
      badTotal + benign > 0 ? Double(badTotal) / Double(badTotal + benign) : nil
    }

    fileprivate var line: String {
      let sources = bad.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        .map { "\($0.key) \($0.value)" }.joined(separator: ", ")
      let precision = precision.map { String(format: "%.2f", $0) } ?? "–"
      let upper = String(format: "%.2f %%", benignUpper * 100)
      let found = sources.isEmpty ? "0" : sources
      return
        "| \(rule) | \(version) | \(digest) | \(status) | \(found) | \(benign) of \(benignTotal) | \(upper) "
        + "| \(precision) | \(measured) |"
    }

    private static func counts(_ cell: String) -> [String: Int] {
      var counts: [String: Int] = [:]
      for piece in cell.split(separator: ",") {
        let words = piece.split(separator: " ")
        if words.count == 2, let count = Int(words[1]) { counts[String(words[0])] = count }
      }
      return counts
    }
  }

  package let rows: [Row]
  /// What stands above the table.
  package let preamble: String
  /// What stands below it: recorded runs as plans; empty if there are none, and in what was read.
  package let plans: String

  package static let fileName = "EVIDENCE.md"
  private static let header =
    "| rule | version | digest | status | bad episodes hit | benign hit | benign at most | precision "
    + "| measured |"

  package init(rows: [Row], preamble: String, plans: String = "") {
    self.rows = rows.sorted { $0.rule < $1.rule }
    self.preamble = preamble
    self.plans = plans
  }

  /// Reads the table; lines that are none of it are passed over.
  package init(reading text: String) {
    var rows: [Row] = []
    var preamble: [Substring] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      guard line.hasPrefix("|") else {
        if rows.isEmpty { preamble.append(line) }
        continue
      }
      let cells = line.split(separator: "|").map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      if let row = Row(cells: cells) { rows.append(row) }
    }
    self.init(rows: rows, preamble: preamble.joined(separator: "\n"))
  }

  /// The file.
  package var text: String {
    let lines = [Self.header, "|---|---|---|---|---|---|---|---|---|"] + rows.map(\.line)
    let below = plans.isEmpty ? "" : "\n" + plans
    return preamble + "\n" + lines.joined(separator: "\n") + "\n" + below
  }
}

extension Rule {
  /// Enough of the digest to tell versions of a rule apart.
  package var shortDigest: String { String(digest.dropFirst("sha256:".count).prefix(12)) }
}

extension Rule.Status {
  /// Share of benign episodes that a stable rule may hit.
  package static let stableBenignMax = 0.001
  /// Share of benign episodes beyond which a rule is only recorded.
  package static let testBenignMax = 0.01

  /// What figures earn: `stable` finds something real and keeps the budget of false alarms, `test`
  /// is measured, `experimental` makes too many.
  package static func earned(bad: Int, benign: Int, of benignTotal: Int) -> Self {
    let share = Double(benign) / Double(max(1, benignTotal))
    if share > testBenignMax { return .experimental }
    return bad > 0 && share <= stableBenignMax ? .stable : .test
  }
}
