internal import CPostgres

/// What a statement answered (`PGresult`): rows of columns, as text or, in a pipeline, binary.
@safe
final class QueryResult {
  private let result: OpaquePointer

  init(owning result: OpaquePointer) { unsafe self.result = result }

  deinit { unsafe PQclear(result) }

  var isPipelineEnd: Bool { unsafe PQresultStatus(result) == PGRES_PIPELINE_SYNC }
  /// Whether a statement before it failed.
  var isNotRun: Bool { unsafe PQresultStatus(result) == PGRES_PIPELINE_ABORTED }

  /// The result itself.
  ///
  /// - Throws: ``PostgresError`` if the statement failed.
  func checked(isAlive: Bool) throws(PostgresError) -> QueryResult {
    switch unsafe PQresultStatus(result) {
    case PGRES_COMMAND_OK, PGRES_TUPLES_OK: return self
    default:
      let state = isAlive ? field("C") : nil
      throw PostgresError(sqlState: state, message: field("M") ?? "the connection was lost")
    }
  }

  private func field(_ code: Unicode.Scalar) -> String? {
    unsafe PQresultErrorField(result, Int32(code.value)).map { unsafe String(cString: $0) }
  }

  /// What the statement did, such as `COMMIT` or `INSERT 0 1`.
  var tag: String { unsafe String(cString: PQcmdStatus(result)) }

  var rowCount: Int { Int(unsafe PQntuples(result)) }

  /// A column of a row; nil for NULL.
  func bytes(_ row: Int, _ column: Int) -> [UInt8]? {
    let (row, column) = (Int32(row), Int32(column))
    guard unsafe PQgetisnull(result, row, column) == 0,
      let start = unsafe PQgetvalue(result, row, column)
    else { return nil }
    let count = Int(unsafe PQgetlength(result, row, column))
    return unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
  }

  func text(_ row: Int, _ column: Int) -> String? {
    bytes(row, column).map { String(decoding: $0, as: UTF8.self) }
  }
}
