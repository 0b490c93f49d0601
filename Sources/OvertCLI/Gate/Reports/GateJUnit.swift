internal import Oversight

/// Findings as JUnit's XML: one case for each rule and episode; failures are what counts, errors what
/// could not be measured, skipped what is put up with.
///
/// Valid for both schemas in use, Ant's (windyroad's JUnit.xsd) and Jenkins' (junit-10.xsd): there is
/// no attribute for a file in either, so places stand in the texts.
enum GateJUnit {
  static func document(_ report: GateReport, _ context: GateContext) -> String {
    let suites = suites(report, context)
    let seconds = "\(context.seconds.rounded(to: 3))"
    var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
    let timestamp = HTMLText.line(String(context.startedAt.prefix(19)))
    for (index, suite) in suites.enumerated() {
      text += " <testsuite name=\"\(HTMLText.line(suite.name))\" package=\"overt\" id=\"\(index)\""
      text += " tests=\"\(suite.cases.count)\" failures=\"\(suite.count(.failure))\""
      text += " errors=\"\(suite.count(.error))\" skipped=\"\(suite.count(.skipped))\""
      text +=
        " time=\"\(index == 0 ? seconds : "0")\" timestamp=\"\(timestamp)\" hostname=\"overt\">\n"
      text += properties(report)
      for testCase in suite.cases { text += testCase.xml(suite.name) }
      text += "  <system-out></system-out>\n  <system-err></system-err>\n </testsuite>\n"
    }
    return text + "</testsuites>\n"
  }

  private static func properties(_ report: GateReport) -> String {
    var pairs = [("verdict", report.verdict.rawValue)]
    if let version = report.policy.version { pairs.append(("gate", version)) }
    pairs += report.run.versions.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    let lines = pairs.map { name, value in
      "   <property name=\"\(HTMLText.line(name))\" value=\"\(HTMLText.line(value))\"/>\n"
    }
    return "  <properties>\n" + lines.joined() + "  </properties>\n"
  }

  private struct Suite {
    let name: String
    var cases: [Case]

    func count(_ kind: Case.Kind) -> Int { cases.count { $0.kind == kind } }
  }

  private struct Case {
    enum Kind { case pass, failure, error, skipped }
    let name: String
    let kind: Kind
    var type = ""
    var message = ""
    var body = ""

    func xml(_ suite: String) -> String {
      var text = "  <testcase classname=\"overt.\(HTMLText.line(suite))\""
      text +=
        " name=\"\(HTMLText.line(name, limit: 500))\" time=\"0\""
      let message = HTMLText.line(message, limit: 1000)
      switch kind {
      case .pass: return text + "/>\n"
      case .failure:
        text += ">\n   <failure type=\"\(type)\" message=\"\(message)\">"
        text += HTMLText.block(body) + "</failure>\n"
      case .error:
        text += ">\n   <error type=\"\(type)\" message=\"\(message)\">"
        text += HTMLText.block(body) + "</error>\n"
      case .skipped: text += ">\n   <skipped message=\"\(message)\"/>\n"
      }
      return text + "  </testcase>\n"
    }
  }

  private static func suites(_ report: GateReport, _ context: GateContext) -> [Suite] {
    var byRule: [String: [Int: [GateReport.Entry]]] = [:]
    for entry in report.findings {
      byRule[entry.finding.rule, default: [:]][entry.episode, default: []].append(entry)
    }
    var suites = [Suite(name: "gate", cases: [gate(report)] + measured(report))]
    for (rule, episodes) in byRule.sorted(by: { $0.key < $1.key }) {
      let cases = episodes.sorted { $0.key < $1.key }.map { index, entries in
        testCase(entries, report.run.notable[index], context)
      }
      suites.append(Suite(name: rule, cases: cases))
    }
    return suites
  }

  /// The decision itself: a run without one episode has a case as well.
  private static func gate(_ report: GateReport) -> Case {
    let reasons = report.reasons.joined(separator: "; ")
    switch report.verdict {
    case .pass: return Case(name: report.policy.name, kind: .pass)
    // Its findings fail by themselves; what fails without any has its place here.
    case .fail:
      return Case(name: report.policy.name, kind: .failure, type: "gate", message: reasons)
    case .incomplete:
      return Case(name: report.policy.name, kind: .error, type: "incomplete", message: reasons)
    }
  }

  /// What could not be measured, and the episodes that nothing was found in.
  private static func measured(_ report: GateReport) -> [Case] {
    var cases = report.incomplete.map { gap in
      Case(
        name: gap.name, kind: .error, type: gap.kind,
        message: gap.reasons.joined(separator: ", "), body: gap.place.description)
    }
    cases += report.run.others.map { Case(name: $0, kind: .pass) }
    return cases
  }

  private static func testCase(
    _ entries: [GateReport.Entry], _ episode: GateEpisode, _ context: GateContext
  ) -> Case {
    let name = episode.name
    let counting = entries.filter { $0.standing == .counts }
    if let gravest = counting.max(by: { $0.finding.severity < $1.finding.severity }) {
      var lines = counting.map { context.sentence($0, episode) }
      lines.append(episode.place.link ?? episode.place.description)
      return Case(
        name: name, kind: .failure, type: gravest.finding.severity.rawValue,
        message: gravest.finding.message, body: lines.joined(separator: "\n"))
    }
    for entry in entries {
      switch entry.standing {
      case .suppressed(let suppression):
        let ticket = suppression.ticket.map { " (\($0))" } ?? ""
        return Case(
          name: name, kind: .skipped,
          message: "suppressed until \(suppression.expires) by \(suppression.owner): "
            + suppression.reason + ticket)
      case .baselined:
        return Case(name: name, kind: .skipped, message: "known: in the baseline")
      case .counts, .minor, .unsure: continue
      }
    }
    return Case(name: name, kind: .pass)
  }
}
