import Foundation
import JSON
import TestSupport
import Testing

/// github.com/nst/JSONTestSuite: what must be taken, what must be refused, and what may be either.
@Suite(.enabled(if: TestData.isPresent, "OVERT_TEST_DATA is not set: no JSONTestSuite"))
struct ConformanceTests {
  private static let folder = "corpora/jsontestsuite"

  private static func files(_ prefix: String) -> [String] {
    TestData.files(folder, suffix: ".json").filter { $0.hasPrefix(prefix) }
  }

  @Test func `the suite is there`() {
    #expect(Self.files("y_").count >= 90)
    #expect(Self.files("n_").count >= 180)
    #expect(Self.files("i_").count >= 30)
  }

  @Test(arguments: files("y_"))
  func `a valid document is taken without a repair`(_ file: String) throws {
    #expect(try parse(TestData.bytes(Self.folder + "/" + file)).repairs == [])
  }

  /// Python writes these, and logs hold them: they read as null, with a repair.
  private static let notFinite: Set = [
    "n_number_NaN.json", "n_number_infinity.json", "n_number_minus_infinity.json",
  ]

  @Test(arguments: files("n_"))
  func `an invalid document is refused`(_ file: String) throws {
    let bytes = try TestData.bytes(Self.folder + "/" + file)
    if Self.notFinite.contains(file) {
      #expect(try parse(bytes).repairs == [.numberNotFinite])
    } else {
      #expect(throws: JSONError.self) { try parse(bytes) }
    }
  }

  /// Either is right; what is taken must then be JSON when it is written.
  @Test(arguments: files("i_"))
  func `a doubtful document is taken or refused without a trap`(_ file: String) throws {
    let bytes = try TestData.bytes(Self.folder + "/" + file)
    do throws(JSONError) {
      let text = try JSONParser().parse(bytes) { root, _ in root.text }
      #expect(try parse(text).repairs == [])
    } catch {
      #expect(error.code != .memory)
    }
  }
}
