import Cryptography
import Foundation
import TestSupport
import Testing

@Suite struct TLSTests {
  /// Both sides of a connection, with the wire between them in this test's hands.
  private struct Wire {
    let server: TLSSession
    let client: TLSClient
    /// What the server has read.
    var content: [UInt8] = []
    var isEnded = false

    init(_ context: TLSContext, _ client: TLSClient) throws {
      server = try TLSSession(context)
      self.client = client
    }

    /// Lets the server have records in pieces, and act after each.
    mutating func toServer(_ records: [UInt8], cut: () -> Int) throws {
      var rest = records[...]
      while !rest.isEmpty {
        let piece = rest.prefix(max(1, cut()))
        rest = rest.dropFirst(piece.count)
        unsafe Array(piece).withUnsafeBytes { unsafe server.receive($0) }
        if !server.isEstablished { _ = try server.handshake() }
        while server.isEstablished, try read() {}
      }
    }

    private mutating func read() throws -> Bool {
      var buffer = [UInt8](repeating: 0, count: 1000)
      let reading = try unsafe buffer.withUnsafeMutableBytes { try unsafe server.read(into: $0) }
      switch reading {
      case .content(let count): content += buffer[..<count]
      case .wantsRecords: return false
      case .ended:
        isEnded = true
        return false
      }
      return true
    }

    func toClient() {
      var buffer = [UInt8](repeating: 0, count: 999)
      while server.hasRecords {
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe server.takeRecords(into: $0) }
        client.receive(Array(buffer[..<count]))
      }
    }

    mutating func shakeHands(cut: () -> Int = { .max }) throws {
      for _ in 0..<10 where !(server.isEstablished && client.isEstablished) {
        try client.handshake()
        try toServer(client.takeRecords(), cut: cut)
        toClient()
      }
    }
  }

  private func context(_ certificate: TestCertificate) throws -> TLSContext {
    try TLSContext(
      certificateFile: certificate.certificateFile, keyFile: certificate.keyFile)
  }

  @Test(arguments: [(0x0303, "TLSv1.2"), (0x0304, "TLSv1.3")] as [(Int32, String)])
  func `content passes both ways however the records are cut`(version: Int32, name: String) throws {
    let context = try context(TestCertificate())
    for var random in SeededGenerator.series(20) {
      var wire = try Wire(context, TLSClient(version: version))
      let largest = random.pick([1, 7, 100, 5000, 100_000])
      let cut = { Int.random(in: 1...largest, using: &random) }
      try wire.shakeHands(cut: cut)
      #expect(wire.client.version == name)
      #expect(wire.client.chosenProtocol == "http/1.1")
      let request = Array("GET / HTTP/1.1\r\n\r\n".utf8)
      try wire.client.write(request)
      try wire.toServer(wire.client.takeRecords(), cut: cut)
      #expect(wire.content == request, "seed \(random.seed)")
      let answer = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
      try wire.server.write(answer.span)
      wire.toClient()
      #expect(try wire.client.read() == answer)
      wire.client.end()
      try wire.toServer(wire.client.takeRecords(), cut: cut)
      #expect(wire.isEnded)
      wire.server.end()
      wire.toClient()
      #expect(try wire.client.read() == nil)
    }
  }

  @Test(arguments: [0x0301, 0x0302] as [Int32])
  func `versions before 1.2 are refused`(version: Int32) throws {
    var wire = try Wire(context(TestCertificate()), TLSClient(version: version))
    #expect(throws: TLSError.self) { try wire.shakeHands() }
    #expect(wire.server.hasRecords, "the peer is told why")
  }

  @Test func `a peer that offers no HTTP/1.1 is turned away, one that offers nothing is not`()
    throws
  {
    let context = try context(TestCertificate())
    var other = try Wire(context, TLSClient(protocols: ["h2", "http/1.0"]))
    #expect(throws: TLSError.self) { try other.shakeHands() }
    var silent = try Wire(context, TLSClient(protocols: []))
    try silent.shakeHands()
    #expect(silent.client.chosenProtocol == "")
    var both = try Wire(context, TLSClient(protocols: ["h2", "http/1.1"]))
    try both.shakeHands()
    #expect(both.client.chosenProtocol == "http/1.1")
  }

  @Test func `HTTP without TLS is recognised`() throws {
    var wire = try Wire(context(TestCertificate()), TLSClient())
    let error = #expect(throws: TLSError.self) {
      try wire.toServer(Array("POST / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)) { .max }
    }
    #expect(error?.code == .plainHTTP)
  }

  @Test func `whatever a peer sends is an error or a wait`() throws {
    let context = try context(TestCertificate())
    for var random in SeededGenerator.series(300) {
      var wire = try Wire(context, TLSClient())
      try wire.client.handshake()
      let hello = random.mutated(wire.client.takeRecords())
      // Whether it is a fault depends on the byte; that it is no trap is what counts.
      try? wire.toServer(hello) { 50 }
      wire.server.end()
    }
  }

  @Test func `files that are no certificate and key are told`() throws {
    let good = try TestCertificate()
    let other = try TestCertificate()
    let folder = try TemporaryFolder()
    try folder.write(Array("not PEM".utf8), to: "text")
    let text = folder.path + "/text"
    for (certificate, key, words) in [
      (folder.path + "/none", good.keyFile, "cannot be read"),
      (good.certificateFile, folder.path + "/none", "cannot be read"),
      (text, good.keyFile, "no certificates in PEM"),
      (good.certificateFile, text, "no private key in PEM"),
      (good.certificateFile, other.keyFile, "is not that of the certificate"),
    ] {
      let error = #expect(throws: TLSError.self) {
        try TLSContext(certificateFile: certificate, keyFile: key)
      }
      #expect(error?.code == .badFile)
      #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }
  }

  @Test func `the end of a certificate is known`() throws {
    let context = try context(TestCertificate(days: 3))
    let expected = Date().timeIntervalSince1970 + 3 * 86_400
    #expect(abs(Double(context.expiresAt) - expected) < 3600)
  }
}
