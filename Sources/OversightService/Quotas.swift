internal import HTTPServer
internal import Oversight
internal import Threads

/// What each token has used of its quotas, in fixed windows that begin with its first request
/// (draft-ietf-httpapi-ratelimit-headers-10). Each server process counts for itself.
final class Quotas: Sendable {
  private struct Window {
    var endsAt: UInt64
    var used: Int
  }

  private struct Key: Hashable {
    let token: String
    let measure: Quota.Measure
  }

  /// A quota as it stands.
  struct State: Equatable {
    let quota: Quota
    /// What is left of it, at least 0.
    let remaining: Int
    /// Seconds until it is whole again, at least 1.
    let resetSeconds: Int
  }

  /// For tokens that have none of their own.
  private let usual: [Quota]
  private let clock: @Sendable () -> UInt64
  private let windows = Locked<[Key: Window]>([:])

  /// - Parameters:
  ///   - usual: quotas of each token that has none of its own; administrators' have none.
  ///   - clock: nanoseconds of a monotonic clock.
  init(_ usual: [Quota], clock: @escaping @Sendable () -> UInt64) {
    self.usual = usual
    self.clock = clock
  }

  /// The quotas of a token.
  func quotas(of grant: Grant) -> [Quota] {
    if !grant.quotas.isEmpty { return grant.quotas }
    return grant.kind == .administrator ? [] : usual
  }

  /// Counts a request with a body of so many bytes, unless a quota is used up already; answers the
  /// quotas that are, none if the request may come in.
  ///
  /// The request that crosses a quota still comes in: its bytes may only be known afterwards.
  func admit(_ grant: Grant, bytes: Int) -> [State] {
    let violated = states(of: grant).filter { $0.remaining == 0 }
    guard violated.isEmpty else { return violated }
    charge(grant, requests: 1, bytes: bytes)
    return []
  }

  /// Counts what was only known later.
  func charge(_ grant: Grant, requests: Int = 0, bytes: Int) {
    let quotas = quotas(of: grant)
    guard !quotas.isEmpty else { return }
    let now = clock()
    windows.withLock { windows in
      for quota in quotas {
        let key = Key(token: grant.id, measure: quota.measure)
        let current = windows[key].flatMap { $0.endsAt > now ? $0 : nil }
        let window =
          current ?? Window(endsAt: now + UInt64(quota.seconds) * 1_000_000_000, used: 0)
        let amount = quota.measure == .requests ? requests : bytes
        windows[key] = Window(
          endsAt: window.endsAt, used: window.used.addingReportingOverflow(amount).partialValue)
      }
    }
  }

  /// Each quota of a token as it stands.
  func states(of grant: Grant) -> [State] {
    let quotas = quotas(of: grant)
    guard !quotas.isEmpty else { return [] }
    let now = clock()
    return windows.withLock { windows in
      quotas.map { quota in
        let window = windows[Key(token: grant.id, measure: quota.measure)]
        guard let window, window.endsAt > now else {
          return State(quota: quota, remaining: quota.amount, resetSeconds: quota.seconds)
        }
        return State(
          quota: quota, remaining: max(0, quota.amount - window.used),
          resetSeconds: Int((window.endsAt - now + 999_999_999) / 1_000_000_000))
      }
    }
  }

  /// Forgets tokens that are no more.
  func keep(_ grants: [Grant]) {
    let known = Set(grants.map(\.id))
    windows.withLock { windows in
      windows = windows.filter { known.contains($0.key.token) }
    }
  }

  /// `RateLimit-Policy` and `RateLimit`; none for a token without quotas.
  static func fields(_ states: [State]) -> [Response.Field] {
    guard !states.isEmpty else { return [] }
    let policies = states.map { state in
      let unit = state.quota.measure == .bytes ? ";qu=\"content-bytes\"" : ""
      return "\"\(state.quota.measure)\";q=\(state.quota.amount)\(unit);w=\(state.quota.seconds)"
    }
    let limits = states.map { state in
      "\"\(state.quota.measure)\";r=\(state.remaining);t=\(state.resetSeconds)"
    }
    return [
      Response.Field("ratelimit-policy", policies.joined(separator: ", ")),
      Response.Field("ratelimit", limits.joined(separator: ", ")),
    ]
  }
}
