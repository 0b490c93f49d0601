internal import Foundation

/// A certificate and key of a test's own for `localhost` and 127.0.0.1, signed by itself.
package final class TestCertificate {
  private let folder: TemporaryFolder
  /// PEM; also the authority that clients have to trust.
  package var certificateFile: String { folder.path + "/certificate.pem" }
  /// PEM.
  package var keyFile: String { folder.path + "/key.pem" }

  /// Has the `openssl` command make them.
  package init(name: String = "localhost", days: Int = 2) throws {
    folder = try TemporaryFolder()
    let result = try Command.run(
      "/usr/bin/env",
      [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-subj", "/CN=\(name)", "-addext", "subjectAltName=DNS:\(name),IP:127.0.0.1",
        "-days", "\(days)", "-keyout", keyFile, "-out", certificateFile,
      ])
    guard result.status == 0 else { throw CommandError(message: result.errors) }
  }

  /// Replaces the files by another's.
  package func become(_ other: TestCertificate) throws {
    for (mine, others) in [
      (certificateFile, other.certificateFile), (keyFile, other.keyFile),
    ] {
      try Data(contentsOf: URL(fileURLWithPath: others)).write(to: URL(fileURLWithPath: mine))
    }
  }
}
