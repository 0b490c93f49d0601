internal import CPCRE2
internal import CVectorscan
internal import Glibc

/// Every pattern of a rule set, compiled: one Vectorscan database that finds all of them in one
/// pass, and for each pattern its PCRE2 code, which finds where a match begins.
///
/// Immutable once made, so any number of scanners on any number of threads may share it.
@safe
final class PatternDatabase: @unchecked Sendable {
  // @unchecked Sendable because every member is set in `init` and never written again, and both
  // libraries allow concurrent use of a compiled database and of compiled code.

  /// Why a pattern is not in the database.
  struct Failure: Error {
    /// Index of the pattern.
    let pattern: Int
    let code: Diagnostic.Code
    let message: String
  }

  /// nil if there are no patterns.
  let database: OpaquePointer?
  let codes: [OpaquePointer]
  /// The most bytes a match of each pattern can have.
  let widths: [Int]

  /// Compiles patterns; index in the array is the pattern's number.
  ///
  /// - Parameter cache: where the compiled database is kept; nil compiles it anew.
  /// - Throws: ``Failure`` for the first pattern that cannot be compiled.
  init(_ patterns: [Pattern], cache: DatabaseCache? = nil) throws(Failure) {
    var widths: [Int] = []
    var codes: [OpaquePointer] = unsafe []
    do {
      for (index, pattern) in patterns.enumerated() {
        widths.append(try Self.width(pattern, index))
        unsafe codes.append(try Self.code(pattern, index))
      }
      if let kept = unsafe cache?.database(for: patterns) {
        unsafe database = kept
      } else {
        unsafe database = try Self.compile(patterns)
        if let made = unsafe database { unsafe cache?.keep(made, for: patterns) }
      }
    } catch {
      unsafe codes.forEach { unsafe pcre2_code_free_8($0) }
      throw error
    }
    unsafe self.codes = codes
    self.widths = widths
  }

  deinit {
    unsafe codes.forEach { unsafe pcre2_code_free_8($0) }
    unsafe hs_free_database(database)
  }

  private static func width(_ pattern: Pattern, _ index: Int) throws(Failure) -> Int {
    var info: UnsafeMutablePointer<hs_expr_info_t>?
    var error: UnsafeMutablePointer<hs_compile_error_t>?
    let status = unsafe hs_expression_info(pattern.expression, 0, &info, &error)
    defer { unsafe free(info) }
    guard status == HS_SUCCESS, let info = unsafe info?.pointee else {
      throw unsafe failure(error, index)
    }
    guard info.max_width != UInt32.max else {
      throw Failure(
        pattern: index, code: .patternUnbounded,
        message: "The pattern matches without a bound, so its start cannot be found.")
    }
    guard info.min_width > 0 else {
      throw Failure(
        pattern: index, code: .patternDoesNotCompile, message: "The pattern matches nothing at all."
      )
    }
    return Int(info.max_width)
  }

  private static func failure(
    _ error: UnsafeMutablePointer<hs_compile_error_t>?, _ index: Int
  ) -> Failure {
    defer { unsafe hs_free_compile_error(error) }
    // The library's sentences end in a full stop, or do not.
    let reason =
      unsafe error.map { unsafe String(cString: $0.pointee.message) } ?? "no reason given"
    let sentence = reason.hasSuffix(".") ? reason : reason + "."
    return Failure(
      pattern: index, code: .patternDoesNotCompile,
      message: "The pattern does not compile: \(sentence)")
  }

  private static func compile(_ patterns: [Pattern]) throws(Failure) -> OpaquePointer? {
    guard !patterns.isEmpty else { return nil }
    var database: OpaquePointer?
    var error: UnsafeMutablePointer<hs_compile_error_t>?
    var expressions = unsafe patterns.map { unsafe UnsafePointer(strdup($0.expression)) }
    defer {
      unsafe expressions.forEach { unsafe free(UnsafeMutablePointer(mutating: $0)) }
    }
    let flags = [UInt32](repeating: 0, count: patterns.count)
    let numbers = patterns.indices.map(UInt32.init)
    let status = unsafe hs_compile_multi(
      &expressions, flags, numbers, UInt32(patterns.count), UInt32(HS_MODE_BLOCK), nil, &database,
      &error)
    guard status == HS_SUCCESS else {
      let index = unsafe error.map { Int(unsafe $0.pointee.expression) } ?? 0
      throw unsafe failure(error, max(0, index))
    }
    return unsafe database
  }

  private static func code(_ pattern: Pattern, _ index: Int) throws(Failure) -> OpaquePointer {
    var number: Int32 = 0
    var offset = 0
    let code = unsafe Array(pattern.expression.utf8).withUnsafeBufferPointer { bytes in
      unsafe pcre2_compile_8(
        bytes.baseAddress, bytes.count, UInt32(PCRE2_NEVER_UTF), &number, &offset, nil)
    }
    guard let code = unsafe code else {
      throw Failure(
        pattern: index, code: .patternDoesNotCompile,
        message: "The pattern does not compile (PCRE2 error \(number) at byte \(offset)).")
    }
    // Without the just-in-time compiler matching is slower and otherwise the same.
    _ = unsafe pcre2_jit_compile_8(code, UInt32(PCRE2_JIT_COMPLETE))
    return unsafe code
  }
}
