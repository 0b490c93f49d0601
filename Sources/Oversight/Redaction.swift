/// A range of an episode's stored bytes that was overwritten before it was stored.
package struct Redaction: Sendable, Equatable {
  /// What was there: the name of a kind or of a pattern of the policy.
  package var name: String
  /// The first byte, and how many.
  package var start: Int
  package var length: Int

  package init(name: String, start: Int, length: Int) {
    self.name = name
    self.start = start
    self.length = length
  }
}

/// Secrets and personal data that Overt knows by their shape.
package enum RedactionKind: String, CaseIterable, Sendable {
  case privateKey = "private-key"
  case awsKey = "aws-key"
  case githubToken = "github-token"
  case slackToken = "slack-token"
  case googleKey = "google-key"
  case apiKey = "api-key"
  case jwt
  case bearer
  case email
  case ipAddress = "ip-address"
  case phone
  case cardNumber = "card-number"
  case iban
}

/// What of an episode is overwritten before it is stored.
package struct RedactionPolicy: Sendable, Equatable {
  package struct Pattern: Sendable, Equatable {
    package var name: String
    /// A regular expression of the rules' language.
    package var expression: String

    package init(name: String, expression: String) {
      self.name = name
      self.expression = expression
    }
  }

  package var kinds: [RedactionKind]
  package var patterns: [Pattern]

  package init(kinds: [RedactionKind], patterns: [Pattern]) {
    self.kinds = kinds
    self.patterns = patterns
  }
}

/// Overwrites what must not be stored.
package protocol Redacting: Sendable {
  /// - Parameter received: a JSON document that was read as an episode.
  /// - Returns: the same document, its texts as long as they were (so that spans of findings still
  ///   fit), with what was found overwritten; and where that is.
  func redact(_ received: [UInt8]) -> (bytes: [UInt8], removed: [Redaction])
}
