internal import CPostgres
internal import Glibc
internal import Threads

/// A value for a statement.
enum Parameter {
  case null
  case text(String)
  case bytes([UInt8])

  static func text(_ text: String?) -> Parameter { text.map(Parameter.text) ?? .null }
}

/// A connection to PostgreSQL (`PGconn`). One thread at a time.
@safe
final class PostgresConnection {
  private let connection: OpaquePointer?
  /// Whether the server has warned since the flag was last cleared (SQLSTATE class 01): a commit
  /// whose wait for a standby was cut short answers success with a warning.
  fileprivate(set) var hasWarned = false
  private var prepared: Set<String> = []
  /// Seconds in which the server must have answered what it was asked.
  private let patienceSeconds: Double
  /// Whether a pooler in between gives each transaction to any server connection: nothing that
  /// belongs to a session can be relied on, prepared statements neither.
  private(set) var isPooled = false
  /// Whether the server can become the role whose view is limited to one project.
  private(set) var hasProjectRole = false
  /// Whether an answer did not come in time: one that comes later would be taken for another's.
  private var isGivenUp = false

  /// Connects, and sets the session up so that a commit means that the data is on disk.
  ///
  /// - Parameter patienceSeconds: in which the server must have answered whatever it is asked. A
  ///   server can be silent for ever: stopped, cut off, or waiting for a standby that is gone.
  /// - Throws: ``PostgresError`` if the server cannot be reached, or is not one that keeps its word
  ///   (`fsync` or `full_page_writes` off, read-only).
  init(_ url: String, patienceSeconds: Double = 35) throws(PostgresError) {
    self.patienceSeconds = patienceSeconds
    let keywords = ["dbname", "connect_timeout", "application_name", "client_encoding"]
    let values = [url, "5", "overt", "UTF8"]
    unsafe connection = withCStrings(keywords) { keywords in
      unsafe withCStrings(values) { values in unsafe PQconnectdbParams(keywords, values, 1) }
    }
    guard unsafe PQstatus(connection) == CONNECTION_OK else { throw lastError() }
    let context = unsafe Unmanaged.passUnretained(self).toOpaque()
    _ = unsafe PQsetNoticeReceiver(
      connection,
      { context, result in
        guard let context = unsafe context, let result = unsafe result else { return }
        let state = unsafe PQresultErrorField(result, Int32(UInt8(ascii: "C")))
        guard let state = unsafe state, unsafe String(cString: state).hasPrefix("01") else {
          return
        }
        unsafe Unmanaged<PostgresConnection>.fromOpaque(context).takeUnretainedValue()
          .hasWarned = true
      }, context)
    unsafe PQsetnonblocking(connection, 1)
    try prepareSession()
  }

  deinit { unsafe PQfinish(connection) }

  /// What a session, or where it is shared each transaction, is set to.
  private static let settings = [
    ("synchronous_commit", "on"), ("statement_timeout", "30s"), ("lock_timeout", "10s"),
    ("idle_in_transaction_session_timeout", "60s"), ("timezone", "UTC"),
    // Disks that turn are no place for this; with their price the planner avoids good indexes.
    ("random_page_cost", "1.1"),
  ]

  private static func setting(isLocal: Bool) -> String {
    let calls = settings.map { "set_config('\($0.0)', '\($0.1)', \(isLocal))" }
    return "SELECT " + calls.joined(separator: ", ")
  }

  private func prepareSession() throws(PostgresError) {
    let state = try answerTo(
      """
      SELECT current_setting('fsync'), current_setting('full_page_writes'), pg_backend_pid(),
        CASE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = 'overt_project')
        THEN pg_has_role('overt_project', 'member') AND NOT pg_has_role('pg_database_owner', 'member')
        ELSE false END
      """)
    for (column, name) in ["fsync", "full_page_writes"].enumerated() {
      let value = state.text(0, column)
      guard value == "on" else {
        throw PostgresError(
          sqlState: nil, message: "the server has \(name) \(value ?? "unset"): commits may be lost")
      }
    }
    // A pooler such as pgbouncer tells a process of its own making.
    isPooled = unsafe state.text(0, 2) != "\(PQbackendPID(connection))"
    hasProjectRole = state.text(0, 3) == "t"
    // What is set in a session that several share would be whoever's comes next.
    if !isPooled { try answerTo(Self.setting(isLocal: false)) }
  }

  /// The server's or libpq's last complaint.
  private func lastError() -> PostgresError {
    let message = unsafe PQerrorMessage(connection).map { unsafe String(cString: $0) } ?? ""
    return PostgresError(
      sqlState: nil, message: String(message.prefix { $0 != "\n" }))
  }

  var isAlive: Bool { unsafe !isGivenUp && PQstatus(connection) == CONNECTION_OK }

  func clearWarning() { hasWarned = false }

  /// Runs one statement and waits for its result.
  @discardableResult
  func run(_ sql: String, _ parameters: [Parameter] = []) throws(PostgresError) -> QueryResult {
    guard isPooled, unsafe PQtransactionStatus(connection) == PQTRANS_IDLE else {
      return try answerTo(sql, parameters)
    }
    try begin()
    let result: QueryResult
    do {
      result = try answerTo(sql, parameters)
    } catch {
      if isAlive { try rollBack() }
      throw error
    }
    try answerTo("COMMIT")
    return result
  }

  /// Begins a transaction.
  func begin() throws(PostgresError) {
    try answerTo("BEGIN")
    if isPooled { try answerTo(Self.setting(isLocal: true)) }
  }

  func rollBack() throws(PostgresError) { try answerTo("ROLLBACK") }

  /// What begins a transaction in a pipeline.
  var beginning: [(statement: Statement, parameters: [Parameter])] {
    let settings = Statement(name: "settings", sql: Self.setting(isLocal: true))
    return [(Statement(name: "begin", sql: "BEGIN"), [])] + (isPooled ? [(settings, [])] : [])
  }

  @discardableResult
  private func answerTo(
    _ sql: String, _ parameters: [Parameter] = []
  ) throws(PostgresError) -> QueryResult {
    let sent = unsafe withParameters(parameters) { values, lengths, formats in
      unsafe PQsendQueryParams(
        connection, sql, Int32(parameters.count), nil, values, lengths, formats, 0)
    }
    return try answer(isSent: sent == 1)
  }

  /// Runs a file of statements in one round trip; only for our own migrations.
  func runScript(_ sql: String) throws(PostgresError) {
    try answer(isSent: unsafe PQsendQuery(connection, sql) == 1)
  }

  /// The last result of what was sent, or the first failure.
  @discardableResult
  private func answer(isSent: Bool) throws(PostgresError) -> QueryResult {
    guard isSent else { throw lastError() }
    let deadline = deadline
    var answer: QueryResult?
    var failure: PostgresError?
    while let result = unsafe try next(deadline) {
      do {
        answer = try unsafe QueryResult(owning: result).checked(isAlive: isAlive)
      } catch {
        failure = failure ?? error
      }
    }
    if let failure { throw failure }
    guard let answer else { throw lastError() }
    return answer
  }
}

// MARK: - Waiting

extension PostgresConnection {
  private var deadline: UInt64 {
    monotonicNanoseconds() + UInt64(min(patienceSeconds, 1e6) * 1e9)
  }

  /// The next result, nil at the end of a statement's, as `PQgetResult` has it; waits for it.
  private func next(_ deadline: UInt64) throws(PostgresError) -> OpaquePointer? {
    while true {
      let unsent = unsafe PQflush(connection)
      guard unsent >= 0 else { throw lastError() }
      if unsafe unsent == 0 && PQisBusy(connection) == 0 { return unsafe PQgetResult(connection) }
      try wait(forRoom: unsent > 0, until: deadline)
      guard unsafe PQconsumeInput(connection) == 1 else { throw lastError() }
    }
  }

  /// Waits until there is something to read, or room to send.
  private func wait(forRoom: Bool, until deadline: UInt64) throws(PostgresError) {
    let now = monotonicNanoseconds()
    guard now < deadline else {
      isGivenUp = true
      throw PostgresError(
        sqlState: nil, message: "the database has not answered within \(Int(patienceSeconds)) s")
    }
    let events = POLLIN | (forRoom ? POLLOUT : 0)
    var entry = pollfd(fd: unsafe PQsocket(connection), events: Int16(events), revents: 0)
    let milliseconds = min((deadline - now) / 1_000_000 + 1, 60_000)
    // An interrupted wait is a short one.
    _ = unsafe poll(&entry, 1, Int32(milliseconds))
  }
}

// MARK: - Pipelines

extension PostgresConnection {
  /// A statement that is prepared once a connection, where the connection is one's own.
  struct Statement {
    let name: String
    let sql: String
  }

  /// Sends statements together and waits for all of their results: one round trip. Statements
  /// behind a failed one are not run.
  ///
  /// - Returns: the result of each statement; nil for those that were not run.
  /// - Throws: ``PostgresError`` of the first statement that failed, or of a lost connection.
  func pipeline(
    _ statements: [(statement: Statement, parameters: [Parameter])]
  ) throws(PostgresError) -> [QueryResult] {
    for (statement, _) in statements where !isPooled && !prepared.contains(statement.name) {
      try answer(
        isSent: unsafe PQsendPrepare(connection, statement.name, statement.sql, 0, nil) == 1)
      prepared.insert(statement.name)
    }
    guard unsafe PQenterPipelineMode(connection) == 1 else { throw lastError() }
    defer { unsafe PQexitPipelineMode(connection) }
    for (statement, parameters) in statements {
      let sent = unsafe withParameters(parameters) { values, lengths, formats in
        isPooled
          ? unsafe PQsendQueryParams(
            connection, statement.sql, Int32(parameters.count), nil, values, lengths, formats, 1)
          : unsafe PQsendQueryPrepared(
            connection, statement.name, Int32(parameters.count), values, lengths, formats, 1)
      }
      guard sent == 1 else { throw lastError() }
    }
    guard unsafe PQpipelineSync(connection) == 1 else { throw lastError() }
    return try collect()
  }

  /// Takes results up to the pipeline's end, whatever fails on the way: a connection is only of use
  /// again when it has been read empty.
  private func collect() throws(PostgresError) -> [QueryResult] {
    let deadline = deadline
    var results: [QueryResult] = []
    var failure: PostgresError?
    while true {
      guard let result = unsafe try next(deadline) else {
        // Between the results of two statements; a lost connection has nothing more to say.
        guard isAlive else { throw failure ?? lastError() }
        continue
      }
      let taken = unsafe QueryResult(owning: result)
      if taken.isPipelineEnd { break }
      if taken.isNotRun { continue }
      do {
        results.append(try taken.checked(isAlive: isAlive))
      } catch {
        failure = failure ?? error
      }
    }
    if let failure { throw failure }
    return results
  }
}

// MARK: - Pointers

extension PostgresConnection {
  /// Lays parameters out as libpq wants them: texts end in NUL, bytes are binary.
  private func withParameters<Result>(
    _ parameters: [Parameter],
    _ body: (
      UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?
    ) -> Result
  ) -> Result {
    var storage: [UInt8] = []
    var offsets: [Int?] = []
    var lengths: [Int32] = []
    var formats: [Int32] = []
    storage.reserveCapacity(parameters.reduce(0) { $0 + $1.size + 1 })
    for parameter in parameters {
      offsets.append(parameter.isNull ? nil : storage.count)
      lengths.append(Int32(parameter.size))
      formats.append(parameter.isBinary ? 1 : 0)
      parameter.append(to: &storage)
      storage.append(0)
    }
    return unsafe storage.withUnsafeBytes { storage in
      let start = unsafe storage.bindMemory(to: CChar.self).baseAddress
      let values = unsafe offsets.map { offset -> UnsafePointer<CChar>? in
        guard let offset, let start = unsafe start else { return nil }
        return unsafe start + offset
      }
      return unsafe body(values, lengths, formats)
    }
  }
}

extension Parameter {
  fileprivate var isNull: Bool { if case .null = self { true } else { false } }
  fileprivate var isBinary: Bool { if case .bytes = self { true } else { false } }

  fileprivate var size: Int {
    switch self {
    case .null: 0
    case .text(let text): text.utf8.count
    case .bytes(let bytes): bytes.count
    }
  }

  fileprivate func append(to storage: inout [UInt8]) {
    switch self {
    case .null: break
    case .text(let text): storage.append(contentsOf: text.utf8)
    case .bytes(let bytes): storage.append(contentsOf: bytes)
    }
  }
}

/// A NUL-ended list of C strings for the time of a call.
private func withCStrings<Result>(
  _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result
) -> Result {
  var pointers = unsafe strings.map { unsafe UnsafePointer<CChar>(strdup($0)) }
  unsafe pointers.append(nil)
  defer {
    unsafe pointers.forEach { unsafe free(UnsafeMutablePointer(mutating: $0)) }
  }
  return unsafe pointers.withUnsafeBufferPointer { buffer in
    // The list has at least its end.
    unsafe body(buffer.baseAddress.unsafelyUnwrapped)
  }
}
