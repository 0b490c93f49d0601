internal import Cryptography
internal import Foundation
internal import HTTPServer
internal import Oversight
internal import Threads

/// Who may do what: the tokens that are good at the moment, held in memory.
///
/// The digest of what was sent finds the candidate; the digests are then compared in constant time.
final class Authentication: Sendable {
  private let grants = Locked<[[UInt8]: Grant]>([:])

  /// Replaces what is known.
  func load(_ current: [Grant]) {
    let byDigest = Dictionary(current.map { ($0.digest, $0) }) { first, _ in first }
    grants.withLock { $0 = byDigest }
  }

  /// The grant of a request's bearer token; nil if it has none that is good.
  func grant(_ fields: HeaderFields) -> Grant? {
    guard fields.count(of: "authorization") == 1, let value = fields["authorization"] else {
      return nil
    }
    let scheme = "bearer "
    guard value.prefix(scheme.count).lowercased() == scheme else { return nil }
    let digest = TokenText.digest(String(value.dropFirst(scheme.count)))
    guard let grant = grants.withLock({ $0[digest] }),
      constantTimeEqual(grant.digest, digest),
      grant.expiresAt > Int64(Date().timeIntervalSince1970)
    else { return nil }
    return grant
  }
}
