internal import HTTPServer
internal import Importers
internal import Oversight

/// The limits that a server is started with.
struct ServerLimits {
  var http = Limits()
  var nesting = EpisodeImporter.nestingMaxDefault

  private static let nestingName = "nesting"
  private static let nestingRange = 16...4096

  /// Reads `NAME=VALUE` texts, the later ones winning.
  ///
  /// - Throws: ``CommandFailure`` (64) that says which limits there are.
  init(_ texts: [String]) throws {
    for text in texts { try set(text) }
  }

  private mutating func set(_ text: String) throws {
    let halves = text.split(separator: "=", maxSplits: 1).map(String.init)
    guard halves.count == 2 else {
      throw CommandFailure(
        .usage, "a limit is NAME=VALUE, such as body-bytes=64MiB; '\(text)' is not")
    }
    let (name, value) = (halves[0], halves[1])
    if name == Self.nestingName {
      guard let number = Int(value), Self.nestingRange.contains(number) else {
        throw CommandFailure(
          .usage,
          "the limit \(name) is from \(Self.nestingRange.lowerBound) to \(Self.nestingRange.upperBound)"
        )
      }
      nesting = number
      return
    }
    guard let setting = Limits.settings.first(where: { $0.name == name }) else {
      throw CommandFailure(.usage, "there is no limit '\(name)'. There are:\n\(Self.list)")
    }
    guard let number = Quantity.parse(value), setting.set(number, in: &http) else {
      throw CommandFailure(
        .usage,
        "the limit \(name) is from \(setting.text(setting.range.lowerBound))"
          + " to \(setting.text(setting.range.upperBound)); '\(value)' is not")
    }
  }

  /// Every limit with its default, a line each.
  static var list: String {
    let defaults = Limits()
    let rows = Limits.settings.map { [$0.name, $0.text($0.value(of: defaults))] }
    return Table.text(rows + [[nestingName, "\(EpisodeImporter.nestingMaxDefault)"]])
  }
}

extension LimitSetting {
  fileprivate func text(_ value: Double) -> String {
    switch unit {
    case .bytes: Quantity.text(bytes: value)
    case .seconds: Quantity.plain(value) + "s"
    case .count, .ratio: Quantity.plain(value)
    }
  }
}

extension Quota {
  /// Reads `requests=600/60` or `bytes=1GiB/1h`.
  ///
  /// - Throws: ``CommandFailure`` (64).
  init(option text: String) throws {
    let halves = text.split(separator: "=").map(String.init)
    let numbers = halves.last?.split(separator: "/").map { Quantity.parse(String($0)) } ?? []
    guard halves.count == 2, let measure = Measure(rawValue: halves[0]), numbers.count == 2,
      let amount = numbers[0].flatMap({ Int(exactly: $0) }),
      let seconds = numbers[1].flatMap({ Int(exactly: $0) }),
      let quota = Quota(measure, amount, seconds: seconds)
    else {
      throw CommandFailure(
        .usage,
        "a quota is requests=600/60 or bytes=1GiB/1h, with a window of at most a day;"
          + " '\(text)' is not")
    }
    self = quota
  }

  /// Reads several; a measure may stand once.
  static func quotas(_ texts: [String]) throws -> [Quota] {
    let quotas = try texts.map { try Quota(option: $0) }
    guard Set(quotas.map(\.measure)).count == quotas.count else {
      throw CommandFailure(.usage, "a quota of each measure may stand once")
    }
    return quotas
  }
}
