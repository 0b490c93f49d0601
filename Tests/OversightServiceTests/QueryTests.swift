import Testing

@testable import OversightService

@Suite struct QueryTests {
  @Test func `values are decoded`() throws {
    let query = try Query("a=1&b=x%20y+z&c&d=%C3%A4%26")
    #expect(query["a"] == "1")
    #expect(query["b"] == "x y z")
    #expect(query["c"] == "")
    #expect(query["d"] == "ä&")
    #expect(query["e"] == nil)
  }

  @Test(arguments: ["a=%", "a=%4", "a=%zz", "a=%ff", "%ff=1"])
  func `what cannot be decoded is refused`(raw: String) {
    #expect(throws: Refusal.self) { try Query(raw) }
  }

  @Test func `an unknown or repeated parameter is refused`() throws {
    #expect(throws: Refusal.self) { try Query("verdct=flagged").allow(["verdict"]) }
    #expect(throws: Refusal.self) { try Query("a=1&a=2").allow(["a"]) }
    try Query("a=1").allow(["a", "b"])
  }

  @Test func `words and numbers are checked`() throws {
    let query = try Query("limit=201&verdict=flagged,cleer&strict=maybe")
    #expect(throws: Refusal.self) { try query.integer("limit", in: 1...200) }
    #expect(throws: Refusal.self) { try query.words("verdict", ["flagged", "clear"]) }
    #expect(throws: Refusal.self) { try query.flag("strict") }
    #expect(try query.integer("limit", in: 1...201) == 201)
  }
}
