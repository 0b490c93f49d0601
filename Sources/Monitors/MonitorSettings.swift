internal import Foundation
package import Oversight

/// How a monitor's endpoint is spoken to.
package enum MonitorDialect: String, Sendable, CaseIterable {
  /// `POST …/chat/completions` of OpenAI and those who speak like it.
  case openAIChat = "openai-chat"
  /// `POST …/messages` of Anthropic.
  case anthropicMessages = "anthropic-messages"
}

/// How an endpoint is made to answer in the wanted form, the strictest first.
package enum StructuredMode: String, Sendable, CaseIterable {
  case jsonSchema = "json_schema"
  case jsonObject = "json_object"
  case promptOnly = "prompt_only"

  /// What is tried when this one does not work.
  var next: StructuredMode? {
    switch self {
    case .jsonSchema: .jsonObject
    case .jsonObject: .promptOnly
    case .promptOnly: nil
    }
  }
}

/// How the suspicions of several windows become one.
package enum WindowReducer: String, Sendable, CaseIterable {
  /// The worst window counts.
  case max
  /// All windows count the same.
  case mean

  /// nil for no values.
  func reduce(_ values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    return switch self {
    case .max: values.max()
    case .mean: values.reduce(0, +) / Double(values.count)
    }
  }
}

/// Which monitor model is asked, and how.
package struct MonitorSettings: Sendable {
  /// The whole address that is posted to.
  package var url: String
  package var dialect: MonitorDialect
  package var model: String
  /// Asked when the model refuses; nil for none.
  package var fallbackModel: String?
  package var apiKey: String?
  package var structured = StructuredMode.jsonSchema
  /// Whether the distribution over verdicts is asked for and used.
  package var usesLogProbabilities = false
  /// Answers to each question; more than one are drawn at a temperature of 0.7.
  package var samples = 1
  /// Whether what speaks for suspicion is quoted first and judged then.
  package var extractsFirst = false
  /// `none`, `low`, …, as the endpoint knows it; nil sends nothing.
  package var reasoningEffort: String?
  /// Bytes of transcript in one question.
  package var windowBytes = 200_000
  package var reducer = WindowReducer.max
  package var answerTokensMax = 1500
  package var attemptSeconds = 120.0
  /// From the queueing of an episode to the end of all attempts.
  package var assessmentSeconds = 900.0
  /// Calls at once, at most; how many are made follows from what the endpoint bears.
  package var concurrencyMax = 8
  package var budgetUSDPerDay: Double?
  package var prices = PriceTable()
  /// Pauses between attempts, in seconds: the first, and the longest.
  package var pauseSeconds = (first: 0.5, last: 8.0)
  /// A wait that the endpoint asks for and that is kept; a longer one puts the job back.
  package var retryAfterMaxSeconds = 120.0

  package init(url: String, dialect: MonitorDialect, model: String) {
    self.url = url
    self.dialect = dialect
    self.model = model
  }

  /// Completes and checks an address: `https://host/v1` becomes the dialect's path below it.
  ///
  /// - Parameter hosts: names, with `:port` if only that one is meant, that may be spoken to besides
  ///   this machine.
  package static func endpoint(
    _ address: String, _ dialect: MonitorDialect, hosts: [String]
  ) throws(MonitorConfigurationError) -> String {
    guard let parts = URLComponents(string: address), let host = parts.host, !host.isEmpty,
      let scheme = parts.scheme?.lowercased(), ["http", "https"].contains(scheme)
    else { throw .address("it is no http or https address") }
    guard parts.user == nil, parts.password == nil, parts.fragment == nil else {
      throw .address("it must hold no name, password or fragment")
    }
    let named = host.lowercased()
    let withPort = parts.port.map { "\(named):\($0)" } ?? named
    let isLocal = ["127.0.0.1", "localhost", "::1", "[::1]"].contains(named)
    guard isLocal || hosts.contains(where: { [named, withPort].contains($0.lowercased()) }) else {
      throw .host(named)
    }
    guard scheme == "https" || isLocal else {
      throw .address("only on this machine may it be http; transcripts go there")
    }
    let tail = dialect == .openAIChat ? "/chat/completions" : "/messages"
    var path = parts.path.hasSuffix("/") ? String(parts.path.dropLast()) : parts.path
    if path.isEmpty { path = "/v1" }
    var completed = parts
    completed.path = path.hasSuffix(tail) ? path : path + tail
    guard let endpoint = completed.string else { throw .address("it cannot be completed") }
    return endpoint
  }
}

/// What is wrong with a monitor's settings.
package enum MonitorConfigurationError: Error, Equatable {
  case address(String)
  /// The host is not on the list.
  case host(String)
}

/// What tokens cost.
package struct PriceTable: Sendable, Equatable {
  /// US dollars for a million tokens.
  package struct Price: Sendable, Equatable, Codable {
    package var input: Double
    package var output: Double
    /// Of what is read from the endpoint's cache, and written to it; the input's price if nil.
    package var cacheRead: Double?
    package var cacheWrite: Double?

    package init(
      input: Double, output: Double, cacheRead: Double? = nil, cacheWrite: Double? = nil
    ) {
      self.input = input
      self.output = output
      self.cacheRead = cacheRead
      self.cacheWrite = cacheWrite
    }

    private enum CodingKeys: String, CodingKey {
      case input, output
      case cacheRead = "cache_read"
      case cacheWrite = "cache_write"
    }
  }

  /// Since when the prices hold, as the file says.
  package var date: String?
  package var models: [String: Price] = [:]

  package init(date: String? = nil, models: [String: Price] = [:]) {
    self.date = date
    self.models = models
  }

  private struct File: Decodable {
    let schema: String
    let date: String
    let models: [String: Price]
  }

  /// Reads `overt.prices/1`.
  package init(json: [UInt8]) throws {
    let file = try JSONDecoder().decode(File.self, from: Data(json))
    let prices = file.models.values.flatMap { price -> [Double] in
      [price.input, price.output, price.cacheRead ?? 0, price.cacheWrite ?? 0]
    }
    guard file.schema == "overt.prices/1", prices.allSatisfy({ $0 >= 0 && $0.isFinite }) else {
      throw MonitorConfigurationError.address("it is no overt.prices/1")
    }
    self.init(date: file.date, models: file.models)
  }

  /// US dollars; nil for a model that the table does not know.
  package func cost(_ usage: TokenUsage, model: String) -> Double? {
    guard let price = models[model] else { return nil }
    let sum =
      Double(usage.inputUncached) * price.input
      + Double(usage.cacheRead) * (price.cacheRead ?? price.input)
      + Double(usage.cacheWrite) * (price.cacheWrite ?? price.input)
      + Double(usage.outputVisible + usage.reasoning) * price.output
    return sum / 1e6
  }

  /// What a call costs at most: no token has less than a byte.
  func costAtMost(requestBytes: Int, answerTokensMax: Int, model: String) -> Double? {
    guard let price = models[model] else { return nil }
    let dearest = [price.input, price.cacheWrite ?? 0, price.cacheRead ?? 0].max() ?? 0
    return (Double(requestBytes) * dearest + Double(answerTokensMax) * price.output) / 1e6
  }
}
