internal import Foundation
internal import Monitors
internal import Oversight

extension Settings {
  /// What a monitor model over HTTP is asked with; nil if none is configured.
  ///
  /// - Throws: ``CommandFailure`` (78) with what is wrong.
  func monitor(url: String? = nil, model: String? = nil) throws -> MonitorSettings? {
    guard let address = try value("OVERT_MONITOR_URL", flag: url) else { return nil }
    guard let model = try value("OVERT_MONITOR_MODEL", flag: model) else {
      throw CommandFailure(
        .badConfiguration, "OVERT_MONITOR_URL is set; set OVERT_MONITOR_MODEL too")
    }
    let dialect =
      try word("OVERT_MONITOR_DIALECT", MonitorDialect.self)
      ?? (address.hasSuffix("/messages") ? .anthropicMessages : .openAIChat)
    let hosts = try list("OVERT_MONITOR_HOSTS", flags: [])
    let endpoint: String
    do {
      endpoint = try MonitorSettings.endpoint(address, dialect, hosts: hosts)
    } catch {
      switch error {
      case .address(let words):
        throw CommandFailure(.badConfiguration, "OVERT_MONITOR_URL: \(words)")
      case .host(let host):
        throw CommandFailure(
          .badConfiguration,
          "OVERT_MONITOR_URL: transcripts would go to \(VisibleText.line(host)); if they may, add "
            + "it to OVERT_MONITOR_HOSTS")
      }
    }
    var settings = MonitorSettings(url: endpoint, dialect: dialect, model: model)
    settings.apiKey = try value("OVERT_MONITOR_KEY")
    if let key = settings.apiKey, key.utf8.contains(where: { $0 < 0x21 || $0 > 0x7E }) {
      throw CommandFailure(.badConfiguration, "OVERT_MONITOR_KEY holds more than one word")
    }
    settings.fallbackModel = try value("OVERT_MONITOR_FALLBACK_MODEL")
    settings.structured =
      try word("OVERT_MONITOR_STRUCTURED", StructuredMode.self) ?? settings.structured
    settings.reducer = try word("OVERT_MONITOR_REDUCER", WindowReducer.self) ?? settings.reducer
    settings.reasoningEffort = try value("OVERT_MONITOR_REASONING_EFFORT")
    settings.usesLogProbabilities = try flag("OVERT_MONITOR_LOGPROBS")
    settings.extractsFirst = try flag("OVERT_MONITOR_EXTRACT")
    settings.samples = try whole("OVERT_MONITOR_SAMPLES", 1...25) ?? settings.samples
    settings.concurrencyMax =
      try whole("OVERT_MONITOR_CONCURRENCY", 1...256) ?? settings.concurrencyMax
    settings.windowBytes =
      try whole("OVERT_MONITOR_WINDOW_BYTES", 4_000...16_000_000) ?? settings.windowBytes
    settings.answerTokensMax =
      try whole("OVERT_MONITOR_ANSWER_TOKENS", 64...32_000) ?? settings.answerTokensMax
    settings.attemptSeconds =
      Double(try whole("OVERT_MONITOR_TIMEOUT_SECONDS", 1...600) ?? Int(settings.attemptSeconds))
    settings.assessmentSeconds = Double(
      try whole("OVERT_MONITOR_DEADLINE_SECONDS", 1...86_400) ?? Int(settings.assessmentSeconds))
    settings.prices = try prices()
    settings.budgetUSDPerDay = try budget(settings)
    return settings
  }

  private func prices() throws -> PriceTable {
    guard let path = try value("OVERT_MONITOR_PRICES") else { return PriceTable() }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw CommandFailure(.badConfiguration, "OVERT_MONITOR_PRICES: \(path) cannot be read")
    }
    do {
      return try PriceTable(json: [UInt8](data))
    } catch {
      throw CommandFailure(
        .badConfiguration, "OVERT_MONITOR_PRICES: \(path) is no list of prices (overt.prices/1)")
    }
  }

  /// A budget takes prices: what costs nobody knows what cannot be kept within it.
  private func budget(_ settings: MonitorSettings) throws -> Double? {
    guard let text = try value("OVERT_MONITOR_BUDGET_USD_PER_DAY") else { return nil }
    guard let budget = Double(text), budget >= 0, budget.isFinite else {
      throw CommandFailure(
        .badConfiguration, "OVERT_MONITOR_BUDGET_USD_PER_DAY is an amount such as 2.50")
    }
    for model in [settings.model, settings.fallbackModel].compactMap(\.self)
    where settings.prices.models[model] == nil {
      throw CommandFailure(
        .badConfiguration,
        "there is a budget and no price for the model \(VisibleText.line(model)); add it to the "
          + "file that OVERT_MONITOR_PRICES names")
    }
    return budget
  }

  private func word<Word: RawRepresentable & CaseIterable>(
    _ name: String, _ type: Word.Type
  ) throws -> Word? where Word.RawValue == String {
    guard let text = try value(name) else { return nil }
    guard let word = Word(rawValue: text) else {
      let known = Word.allCases.map(\.rawValue).joined(separator: ", ")
      throw CommandFailure(.badConfiguration, "\(name) is one of \(known)")
    }
    return word
  }

  private func flag(_ name: String) throws -> Bool {
    switch try value(name)?.lowercased() {
    case nil, "0", "false", "no", "off": return false
    case "1", "true", "yes", "on": return true
    default: throw CommandFailure(.badConfiguration, "\(name) is 'on' or 'off'")
    }
  }

  func whole(_ name: String, _ range: ClosedRange<Int>, flag: String? = nil) throws -> Int? {
    guard let text = try value(name, flag: flag) else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw CommandFailure(
        .badConfiguration,
        "\(name) is a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }
}
