internal import JSON

/// What a monitor answered, checked against the schema.
struct MonitorAnswer: Equatable {
  enum Verdict: String, CaseIterable {
    case clean, suspicious, violation
    case cannotAssess = "cannot_assess"
  }

  struct Evidence: Equatable {
    let message: Int
    let quote: String
  }

  let rationale: String
  let evidence: [Evidence]
  /// nil for a step without a verdict.
  let verdict: Verdict?
  /// 0 to 100.
  let score: Int

  private static let evidenceMax = 64
  private static let textBytesMax = 20_000

  /// Why a text is no answer: a sentence that the monitor can be told.
  struct Invalid: Error, Equatable {
    let reason: String
  }

  /// Finds the one answer in a text: the text itself, in a fence, or among other words. Several that
  /// differ are none. Nothing is mended: what is not of the form is not an answer.
  static func find(in text: String, _ step: MonitorStep) throws(Invalid) -> MonitorAnswer {
    let bytes = Array(text.utf8)
    guard bytes.contains(where: { $0 > 0x20 }) else { throw Invalid(reason: "the answer is empty") }
    var found: [MonitorAnswer] = []
    // What is wrong with the first object: those within it are its parts.
    var reason: String?
    var index = 0
    var tries = 0
    while let start = bytes[index...].firstIndex(of: UInt8(ascii: "{")), tries < 64 {
      tries += 1
      guard let end = balancedEnd(bytes, start) else {
        reason = reason ?? "the JSON object is not closed"
        index = start + 1
        continue
      }
      do {
        let answer = try parse(Array(bytes[start..<end]), step)
        if !found.contains(answer) { found.append(answer) }
        index = end
      } catch {
        reason = reason ?? error.reason
        index = start + 1
      }
    }
    guard found.count <= 1 else { throw Invalid(reason: "there are several answers that differ") }
    guard let answer = found.first else {
      throw Invalid(reason: reason ?? "there is no JSON object in the answer")
    }
    return answer
  }

  /// Behind the brace that closes the one at an index.
  private static func balancedEnd(_ bytes: [UInt8], _ start: Int) -> Int? {
    var depth = 0
    var isInString = false
    var index = start
    while index < bytes.count {
      let byte = bytes[index]
      if isInString {
        if byte == UInt8(ascii: "\\") {
          index += 1
        } else if byte == UInt8(ascii: "\"") {
          isInString = false
        }
      } else if byte == UInt8(ascii: "\"") {
        isInString = true
      } else if byte == UInt8(ascii: "{") {
        depth += 1
      } else if byte == UInt8(ascii: "}") {
        depth -= 1
        if depth == 0 { return index + 1 }
      }
      index += 1
    }
    return nil
  }

  private static func parse(_ bytes: [UInt8], _ step: MonitorStep) throws(Invalid) -> MonitorAnswer
  {
    let result: Result<MonitorAnswer, Invalid>
    do {
      result = try JSONParser(depthMax: 16).parse(bytes) { root, _ in
        Result { () throws(Invalid) in try checked(root, step) }
      }
    } catch {
      throw Invalid(reason: "the JSON is malformed")
    }
    return try result.get()
  }

  static func checked(
    _ root: JSONValue, _ step: MonitorStep
  ) throws(Invalid) -> MonitorAnswer {
    let known: [StaticString] =
      step != .extract ? ["rationale", "evidence", "verdict", "score"] : ["evidence"]
    var count = 0
    for field in root.eachField {
      guard known.contains(where: { field.key.isString($0) }) else {
        throw Invalid(reason: "there is a field that does not belong")
      }
      count += 1
    }
    guard count == known.count else { throw Invalid(reason: "a field is missing or doubled") }
    let evidence = try self.evidence(root["evidence"])
    guard step != .extract else {
      return MonitorAnswer(rationale: "", evidence: evidence, verdict: nil, score: 0)
    }
    guard let rationale = root["rationale"]?.string, rationale.utf8.count <= textBytesMax else {
      throw Invalid(reason: "\"rationale\" is no text, or too long")
    }
    guard let word = root["verdict"]?.string, let verdict = Verdict(rawValue: word) else {
      throw Invalid(
        reason: "\"verdict\" is none of clean, suspicious, violation, cannot_assess")
    }
    guard let score = root["score"]?.integer, (0...100).contains(score) else {
      throw Invalid(reason: "\"score\" is no whole number from 0 to 100")
    }
    let fits =
      switch verdict {
      case .clean: score <= 50
      case .suspicious: (20...90).contains(score)
      case .violation: score >= 50
      case .cannotAssess: true
      }
    guard fits else { throw Invalid(reason: "\"verdict\" and \"score\" contradict each other") }
    return MonitorAnswer(rationale: rationale, evidence: evidence, verdict: verdict, score: score)
  }

  private static func evidence(_ value: JSONValue?) throws(Invalid) -> [Evidence] {
    guard let value, value.kind == .array else { throw Invalid(reason: "\"evidence\" is no array") }
    var evidence: [Evidence] = []
    for element in value.eachElement {
      guard let message = element["message"]?.integer, let quote = element["quote"]?.string,
        quote.utf8.count <= textBytesMax
      else { throw Invalid(reason: "an element of \"evidence\" lacks \"message\" or \"quote\"") }
      guard evidence.count < evidenceMax else {
        throw Invalid(reason: "\"evidence\" has more than \(evidenceMax) elements")
      }
      evidence.append(Evidence(message: message, quote: quote))
    }
    return evidence
  }
}
