/// The grammar of `Host` and of a target's authority: `uri-host [":" port]` (RFC 9110 §7.2).
enum Authority {
  /// Whether `bytes` are a host that an `http` URI can have: not empty (RFC 9110 §4.2.1), no user
  /// information, and a port of 0…65535 or an empty one.
  static func isValid(_ bytes: Span<UInt8>) -> Bool {
    guard let first = bytes.isEmpty ? nil : bytes[0] else { return false }
    let hostEnd = first == UInt8(ascii: "[") ? literalEnd(bytes) : registeredNameEnd(bytes)
    guard let hostEnd, hostEnd > 0 else { return false }
    return isEmptyOrPort(bytes.extracting(hostEnd..<bytes.count))
  }

  private static func isEmptyOrPort(_ bytes: Span<UInt8>) -> Bool {
    guard !bytes.isEmpty else { return true }
    guard bytes[0] == UInt8(ascii: ":") else { return false }
    var port = 0
    for index in 1..<bytes.count {
      guard bytes[index].isDigit else { return false }
      port = port * 10 + Int(bytes[index] - UInt8(ascii: "0"))
      guard port <= 65535 else { return false }
    }
    return true
  }

  /// Where the registered name or IPv4 address ends: at a colon, or where the bytes end.
  private static func registeredNameEnd(_ bytes: Span<UInt8>) -> Int? {
    var index = 0
    while index < bytes.count, bytes[index] != UInt8(ascii: ":") {
      if bytes[index] == UInt8(ascii: "%") {
        guard isEscape(bytes, at: index) else { return nil }
        index += 3
      } else {
        guard bytes[index].isRegisteredNameByte else { return nil }
        index += 1
      }
    }
    return index
  }

  private static func isEscape(_ bytes: Span<UInt8>, at index: Int) -> Bool {
    index + 2 < bytes.count && bytes[index + 1].hexadecimalValue != nil
      && bytes[index + 2].hexadecimalValue != nil
  }

  /// Where `"[" ( IPv6address / IPvFuture ) "]"` ends (RFC 3986 §3.2.2).
  private static func literalEnd(_ bytes: Span<UInt8>) -> Int? {
    var end = 1
    while end < bytes.count, bytes[end] != UInt8(ascii: "]") { end += 1 }
    guard end < bytes.count, end > 1 else { return nil }
    let inner = bytes.extracting(1..<end)
    let isFuture = inner[0].lowercased == UInt8(ascii: "v")
    return (isFuture ? isFutureAddress(inner) : isIPv6Address(inner)) ? end + 1 : nil
  }

  /// `"v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )`
  private static func isFutureAddress(_ bytes: Span<UInt8>) -> Bool {
    var index = 1
    while index < bytes.count, bytes[index].hexadecimalValue != nil { index += 1 }
    guard index > 1, index + 1 < bytes.count, bytes[index] == UInt8(ascii: ".") else {
      return false
    }
    for rest in (index + 1)..<bytes.count {
      guard bytes[rest].isRegisteredNameByte || bytes[rest] == UInt8(ascii: ":") else {
        return false
      }
    }
    return true
  }
}

extension Authority {
  /// Whether `bytes` are an IPv6 address: eight groups, or fewer with one `::`; the last two
  /// groups may be an IPv4 address. A zone is not part of a URI's host here.
  static func isIPv6Address(_ bytes: Span<UInt8>) -> Bool {
    var groups = 0
    var hasGap = false
    var index = 0
    while index < bytes.count {
      if bytes[index] == UInt8(ascii: ":") {
        guard isSeparator(bytes, at: &index, groups: groups, hasGap: &hasGap) else { return false }
        if index == bytes.count { break }
      } else if groups > 0 {
        return false
      }
      let start = index
      while index < bytes.count, bytes[index].hexadecimalValue != nil { index += 1 }
      if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
        guard isIPv4Address(bytes.extracting(start..<bytes.count)) else { return false }
        groups += 2
        index = bytes.count
      } else {
        guard (1...4).contains(index - start) else { return false }
        groups += 1
      }
    }
    return hasGap ? groups <= 7 : groups == 8
  }

  /// Steps over `:` or `::`; false if it cannot stand here.
  private static func isSeparator(
    _ bytes: Span<UInt8>, at index: inout Int, groups: Int, hasGap: inout Bool
  ) -> Bool {
    let isDouble = index + 1 < bytes.count && bytes[index + 1] == UInt8(ascii: ":")
    if isDouble {
      guard !hasGap else { return false }
      hasGap = true
      index += 2
      return true
    }
    index += 1
    return groups > 0 && index < bytes.count
  }

  private static func isIPv4Address(_ bytes: Span<UInt8>) -> Bool {
    var octets = 0
    var start = 0
    for end in 0...bytes.count {
      guard end == bytes.count || bytes[end] == UInt8(ascii: ".") else { continue }
      guard isOctet(bytes.extracting(start..<end)) else { return false }
      octets += 1
      start = end + 1
    }
    return octets == 4
  }

  private static func isOctet(_ bytes: Span<UInt8>) -> Bool {
    guard (1...3).contains(bytes.count) else { return false }
    var value = 0
    for index in bytes.indices {
      guard bytes[index].isDigit else { return false }
      value = value * 10 + Int(bytes[index] - UInt8(ascii: "0"))
    }
    return value <= 255 && (bytes.count == 1 || bytes[0] != UInt8(ascii: "0"))
  }
}
