/// Every bound that the server puts on what a peer can make large or slow.
///
/// The defaults are at least as strict as what nginx, HAProxy and Envoy ship (the precedent stands
/// at each), and above what an honest client of a JSON service sends.
package struct Limits: Sendable, Hashable {
  /// Bytes of the request line, without its CRLF; more is 414.
  ///
  /// nginx: 8 KiB a line (`large_client_header_buffers`); HAProxy: 16 KiB; h11: 16 KiB.
  package var requestLineBytesMax = 16 * 1024

  /// Bytes of the whole request head with its final empty line; more is 431.
  ///
  /// nginx: 4 × 8 KiB; Envoy: 60 KiB; Node.js: 16 KiB.
  package var headBytesMax = 32 * 1024

  /// Field lines of a request head; more is 431. HAProxy: 101; Envoy: 100; Apache: 100.
  package var headerFieldsMax = 100

  /// Bytes of a body as received, without chunk framing; more is 413, before it is read when
  /// the length is declared. nginx: 1 MiB. A transcript with its latent summary is larger.
  package var bodyBytesMax = 64 * 1024 * 1024

  /// Bytes of content that may come out of a coded body for each byte of it, after the first
  /// mebibyte; more is 413. Honest transcripts come to 3–10; gzip can reach 1032, zstd far more.
  package var decodedRatioMax = 200

  /// Bytes of memory that all bodies together may hold, from their first byte until the response
  /// is made; more is 503. Four times the largest body and more. OpenTelemetry's collector: 512 MiB
  /// in its example of `memory_limiter`.
  package var heldBodyBytesMax = 512 * 1024 * 1024

  /// Bytes of all chunk extensions of one body together; more is 400.
  ///
  /// Go's net/http: 16 KiB (CVE-2023-39326 was the lack of it); hyper: 16 KiB.
  package var chunkExtensionBytesMax = 4 * 1024

  /// Bytes of the trailer section; more is 431. HAProxy and nginx count them as head bytes.
  package var trailerBytesMax = 8 * 1024

  /// Field lines of the trailer section; more is 431.
  package var trailerFieldsMax = 32

  /// Seconds in which TLS must be set up; then the connection is closed. Go's net/http has none of
  /// its own; HAProxy counts it in `timeout http-request`; nginx: 60 s.
  package var handshakeSeconds = 10.0

  /// Seconds in which a whole request head must arrive, from its first byte; then 408.
  ///
  /// A total, not a pause between reads, so that a drip of bytes does not extend it.
  /// HAProxy: `timeout http-request 10s`; Apache's mod_reqtimeout: 20–40 s.
  package var headSeconds = 10.0

  /// Seconds before a body must have reached its minimum rate. Apache: `body=20,MinRate=500`.
  package var bodyGraceSeconds = 5.0

  /// Bytes of body that buy one second more after the grace; slower is 408.
  package var bodyBytesPerSecondMin = 1024

  /// Seconds that each `bodyBytesPerSlot` of body may take in total, however steady the rate.
  package var bodySlotSeconds = 60.0

  /// Bytes of body that buy one more `bodySlotSeconds`.
  package var bodyBytesPerSlot = 8 * 1024 * 1024

  /// Seconds without progress after which a peer that does not read its response is cut off.
  ///
  /// nginx: `send_timeout 60s`.
  package var writeStallSeconds = 30.0

  /// Seconds that a connection may be silent between requests; then it is closed.
  ///
  /// nginx: `keepalive_timeout 75s`.
  package var idleSeconds = 75.0

  /// Seconds in which, after our half of a connection is shut, the peer's rest is read away, so
  /// that its reset does not destroy the response (RFC 9112 §9.6). nginx: `lingering_timeout 5s`.
  package var lingerSeconds = 1.0

  /// Bytes that are read away while lingering; more closes at once.
  package var lingerBytesMax = 16 * 1024 * 1024

  /// Bytes of a refused request's body that are read and dropped to keep the connection; when
  /// more are announced, the connection closes after the refusal.
  package var discardedBodyBytesMax = 64 * 1024

  /// Requests of one connection before it is closed. nginx: `keepalive_requests 1000`.
  package var requestsPerConnectionMax = 1000

  /// Open connections of the whole server; more are answered 503. An idle one costs less than a
  /// kibibyte. nginx: 512 a worker; Envoy's edge guide: 50,000.
  package var connectionsMax = 10_000

  /// Seconds for which no connection is accepted after the system had no descriptor or memory for
  /// one: they wait in the backlog. nginx: `accept_mutex_delay 500ms`.
  package var acceptBackoffSeconds = 0.5

  /// Open connections of one address (of one /64 for IPv6), loopback and local sockets exempt; more
  /// are answered 429. Apache's mod_qos and HAProxy guides: 10–100.
  package var connectionsPerAddressMax = 64

  /// The defaults named above.
  package init() {}
}
