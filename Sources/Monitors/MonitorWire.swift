internal import Foundation
internal import HTTPClient
internal import JSON
internal import Oversight

/// One question as it goes out: what is asked, and the turns that followed an answer that was none.
struct MonitorQuestion {
  let step: MonitorStep
  let system: String
  let user: String
  /// Answers that could not be used, each with what was wrong with it.
  var corrections: [(answer: String, problem: String)] = []
}

/// What an endpoint answered, in one form for all dialects.
struct MonitorReply {
  enum Content: Equatable {
    /// - Parameter flagShare: how much of the distribution over verdicts is on suspicious ones, 0 to
    ///   1; nil if it was not told.
    case text(String, flagShare: Double?)
    /// The model or its provider will not answer.
    case refused(String)
    /// It was cut off at the limit of tokens.
    case truncated
    /// It is no reply of the dialect.
    case malformed(String)
    /// An error in the clothes of a success.
    case failed(String)
  }

  var content: Content
  var usage: TokenUsage?
  var verbatimUsage: [UInt8]?
}

/// The two dialects: requests out, replies in.
struct MonitorWire {
  let settings: MonitorSettings

  private var fields: [String] {
    var fields = ["Content-Type: application/json", "Accept: application/json"]
    switch settings.dialect {
    case .openAIChat:
      if let key = settings.apiKey { fields.append("Authorization: Bearer \(key)") }
    case .anthropicMessages:
      fields.append("anthropic-version: 2023-06-01")
      if let key = settings.apiKey { fields.append("x-api-key: \(key)") }
    }
    return fields
  }

  func call(_ question: MonitorQuestion, model: String, _ mode: StructuredMode) -> HTTPCall {
    var call = HTTPCall(url: settings.url, body: body(question, model, mode), fields: fields)
    call.totalSeconds = settings.attemptSeconds
    return call
  }

  private var temperature: Double { settings.samples > 1 ? 0.7 : 0 }

  private func body(
    _ question: MonitorQuestion, _ model: String, _ mode: StructuredMode
  ) -> [UInt8] {
    var writer = JSONWriter(capacity: question.user.utf8.count + 8192)
    writer.object { writer in
      writer.field("model", model)
      switch settings.dialect {
      case .openAIChat: writeOpenAI(question, mode, &writer)
      case .anthropicMessages: writeAnthropic(question, mode, &writer)
      }
    }
    return writer.bytes
  }

  private func writeTurns(_ question: MonitorQuestion, _ writer: inout JSONWriter) {
    func turn(_ role: String, _ text: String) {
      writer.object { writer in
        writer.field("role", role)
        writer.field("content", text)
      }
    }
    turn("user", question.user)
    for (answer, problem) in question.corrections {
      turn("assistant", answer.isEmpty ? "(nothing)" : answer)
      turn(
        "user",
        "That is no answer of the form asked for: \(problem). Answer again with the one JSON object."
      )
    }
  }

  private func writeOpenAI(
    _ question: MonitorQuestion, _ mode: StructuredMode, _ writer: inout JSONWriter
  ) {
    let reasons = settings.reasoningEffort.map { $0 != "none" } ?? false
    // Models that reason take no temperature.
    if !reasons { writer.field("temperature", temperature) }
    writer.field("max_completion_tokens", settings.answerTokensMax)
    writer.field("stream", false)
    if let effort = settings.reasoningEffort { writer.field("reasoning_effort", effort) }
    if settings.usesLogProbabilities {
      writer.field("logprobs", true)
      writer.field("top_logprobs", 20)
    }
    writer.key("messages")
    writer.array { writer in
      writer.object { writer in
        writer.field("role", "system")
        writer.field("content", question.system)
      }
      writeTurns(question, &writer)
    }
    switch mode {
    case .jsonSchema:
      writer.key("response_format")
      writer.object { writer in
        writer.field("type", "json_schema")
        writer.key("json_schema")
        writer.object { writer in
          writer.field("name", "\(question.step.rawValue)_v1")
          writer.field("strict", true)
          writer.key("schema")
          writer.raw(MonitorSchema.json(question.step).utf8)
        }
      }
    case .jsonObject:
      writer.key("response_format")
      writer.object { $0.field("type", "json_object") }
    case .promptOnly: break
    }
  }

  private func writeAnthropic(
    _ question: MonitorQuestion, _ mode: StructuredMode, _ writer: inout JSONWriter
  ) {
    writer.field("max_tokens", settings.answerTokensMax)
    if settings.reasoningEffort == "none" {
      writer.key("thinking")
      writer.object { $0.field("type", "disabled") }
    }
    writer.field("temperature", temperature)
    writer.key("system")
    writer.array { writer in
      writer.object { writer in
        writer.field("type", "text")
        writer.field("text", question.system)
        writer.key("cache_control")
        writer.object { $0.field("type", "ephemeral") }
      }
    }
    writer.key("messages")
    writer.array { writeTurns(question, &$0) }
    guard mode == .jsonSchema else { return }
    writer.key("output_config")
    writer.object { writer in
      writer.key("format")
      writer.object { writer in
        writer.field("type", "json_schema")
        writer.key("schema")
        writer.raw(MonitorSchema.json(question.step).utf8)
      }
    }
  }
}

// MARK: - Replies

extension MonitorWire {
  /// Reads the body of a success.
  func reply(_ body: [UInt8]) -> MonitorReply {
    do {
      return try JSONParser(depthMax: 64).parse(body) { root, _ in
        switch settings.dialect {
        case .openAIChat: openAIReply(root)
        case .anthropicMessages: anthropicReply(root)
        }
      }
    } catch {
      return MonitorReply(content: .malformed("the reply is no JSON: \(error.message)"))
    }
  }

  private func openAIReply(_ root: JSONValue) -> MonitorReply {
    let usage = root["usage"]
    return MonitorReply(
      content: openAIContent(root), usage: usage.flatMap(openAIUsage),
      verbatimUsage: verbatim(usage))
  }

  private func openAIContent(_ root: JSONValue) -> MonitorReply.Content {
    guard let choices = root["choices"],
      let choice = choices.eachElement.first(where: { _ in true })
    else {
      if let error = root["error"], !error.isNull {
        let words = error["code"]?.string ?? error["type"]?.string ?? "unnamed"
        return .failed("an error instead of an answer: \(Self.word(words))")
      }
      return .malformed("the reply has no choices")
    }
    let message = choice["message"]
    if let refusal = message?["refusal"], refusal.string?.isEmpty == false {
      return .refused("refusal")
    }
    let finish = choice["finish_reason"]?.string
    if finish == "content_filter" { return .refused("content_filter") }
    if finish == "length" { return .truncated }
    var text = message?["content"]?.string ?? ""
    // Some servers put the answer where the reasoning belongs; it counts if it is of the form.
    if text.allSatisfy(\.isWhitespace) {
      text = message?["reasoning_content"]?.string ?? message?["reasoning"]?.string ?? ""
    }
    return .text(text, flagShare: flagShare(choice["logprobs"]))
  }

  private func openAIUsage(_ usage: JSONValue) -> TokenUsage? {
    // Half of a usage is none: what was reserved counts then.
    guard let prompt = usage["prompt_tokens"]?.integer, prompt >= 0,
      let completion = usage["completion_tokens"]?.integer, completion >= 0
    else { return nil }
    let cached = usage["prompt_tokens_details"]?["cached_tokens"]?.integer ?? 0
    let reasoning = usage["completion_tokens_details"]?["reasoning_tokens"]?.integer ?? 0
    var parts = TokenUsage()
    // Cached tokens are among the prompt's, reasoning among the completion's.
    parts.cacheRead = min(max(0, cached), prompt)
    parts.inputUncached = prompt - parts.cacheRead
    parts.reasoning = min(max(0, reasoning), completion)
    parts.outputVisible = completion - parts.reasoning
    return parts
  }

  private func anthropicReply(_ root: JSONValue) -> MonitorReply {
    let usage = root["usage"]
    return MonitorReply(
      content: anthropicContent(root), usage: usage.flatMap(anthropicUsage),
      verbatimUsage: verbatim(usage))
  }

  private func anthropicContent(_ root: JSONValue) -> MonitorReply.Content {
    if root["type"]?.isString("error") == true {
      return .failed(
        "an error instead of an answer: \(Self.word(root["error"]?["type"]?.string ?? "unnamed"))")
    }
    switch root["stop_reason"]?.string {
    case "refusal":
      return .refused(Self.word(root["stop_details"]?["category"]?.string ?? "refusal"))
    case "max_tokens": return .truncated
    default: break
    }
    guard let content = root["content"], content.kind == .array else {
      return .malformed("the reply has no content")
    }
    var text = ""
    for block in content.eachElement where block["type"]?.isString("text") == true {
      text += block["text"]?.string ?? ""
    }
    return .text(text, flagShare: nil)
  }

  private func anthropicUsage(_ usage: JSONValue) -> TokenUsage? {
    guard let input = usage["input_tokens"]?.integer, input >= 0,
      let output = usage["output_tokens"]?.integer, output >= 0
    else { return nil }
    var parts = TokenUsage()
    // Here the input is what was neither read from the cache nor written to it.
    parts.inputUncached = input
    parts.cacheRead = max(0, usage["cache_read_input_tokens"]?.integer ?? 0)
    parts.cacheWrite = max(0, usage["cache_creation_input_tokens"]?.integer ?? 0)
    parts.outputVisible = output
    return parts
  }

  private func verbatim(_ usage: JSONValue?) -> [UInt8]? {
    guard let usage, usage.kind == .object else { return nil }
    var writer = JSONWriter()
    usage.write(to: &writer)
    return writer.bytes.count <= 4096 ? writer.bytes : nil
  }

  /// A word of the endpoint's that may stand in a log: its harmless characters, not many.
  static func word(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.prefix(60).filter {
          $0.isASCII && ($0.properties.isAlphabetic || "0123456789_-.".unicodeScalars.contains($0))
        }))
  }

  /// The share of suspicious verdicts in the distribution at the token where the verdict begins,
  /// `suspicious` counting half: summed over all tokens that begin a verdict.
  private func flagShare(_ logprobs: JSONValue?) -> Double? {
    guard settings.usesLogProbabilities, let content = logprobs?["content"] else { return nil }
    var text: [UInt8] = []
    let field = Array("\"verdict\"".utf8)
    for token in content.eachElement {
      guard let written = token["token"]?.string else { return nil }
      // The verdict begins where a text ends in the field's name, a colon and a quote.
      let trimmed = text.filter { $0 > 0x20 }
      let begins = written.utf8.filter { $0 > 0x20 }
      let isInName =
        trimmed.count > field.count + 1
        && trimmed.suffix(field.count + 2)
          .elementsEqual(field + Array(":\"".utf8))
      let isBeforeQuote = trimmed.suffix(field.count + 1).elementsEqual(field + Array(":".utf8))
      if isInName || (isBeforeQuote && begins.first == UInt8(ascii: "\"") && begins.count > 1) {
        return share(token["top_logprobs"])
      }
      text += Array(written.utf8)
    }
    return nil
  }

  private func share(_ alternatives: JSONValue?) -> Double? {
    guard let alternatives else { return nil }
    var masses: [MonitorAnswer.Verdict: Double] = [:]
    for alternative in alternatives.eachElement {
      guard let token = alternative["token"]?.string, let logarithm = alternative["logprob"]?.double
      else { continue }
      let start = token.trimmingCharacters(in: CharacterSet(charactersIn: "\" \n"))
      guard !start.isEmpty else { continue }
      let fitting = MonitorAnswer.Verdict.allCases.filter { $0.rawValue.hasPrefix(start) }
      // A beginning that several verdicts share tells nothing.
      guard fitting.count == 1 else { continue }
      masses[fitting[0], default: 0] += exp(min(0, logarithm))
    }
    let judged = (masses[.clean] ?? 0) + (masses[.suspicious] ?? 0) + (masses[.violation] ?? 0)
    guard judged > 0.01 else { return nil }
    return ((masses[.suspicious] ?? 0) / 2 + (masses[.violation] ?? 0)) / judged
  }
}
