internal import Oversight

/// What PostgreSQL or libpq answered instead of a result.
struct PostgresError: Error, Equatable {
  /// The five characters of the answer; nil if the server did not answer.
  let sqlState: String?
  /// The server's primary message, or libpq's. Statements are prepared and their values are
  /// parameters, so it holds no text of an episode.
  let message: String
  /// Whether a commit had been sent: what it came to is not known.
  var isFateUnknown = false

  /// The same failure after a commit had been sent.
  var withUnknownFate: PostgresError {
    var error = self
    error.isFateUnknown = true
    return error
  }

  /// Whether the connection is of no more use.
  var isConnectionLost: Bool {
    guard let sqlState else { return true }
    // Connection exceptions, and the server's "I am going down".
    return sqlState.hasPrefix("08") || ["57P01", "57P02", "57P03"].contains(sqlState)
  }

  /// Whether the same statement with the same values can never succeed: data exceptions, broken
  /// constraints, program limits.
  var isPermanent: Bool {
    guard let sqlState else { return false }
    return ["22", "23", "54"].contains(String(sqlState.prefix(2)))
  }

  /// In the words of the domain.
  var storeError: StoreError {
    let state = sqlState.map { " (\($0))" } ?? ""
    let code: StoreError.Code =
      isFateUnknown ? .unknownFate : isPermanent ? .rejected : .unavailable
    return StoreError(code, message + state)
  }
}
