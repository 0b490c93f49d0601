/// One step of the database's schema. Applied ones never change: their checksum is stored.
package struct Migration: Sendable {
  /// From 1, without a gap.
  package let number: Int
  /// What the file is called behind its number.
  package let name: String
  package let sql: String

  private init(_ number: Int, _ name: String, _ bytes: [UInt8]) {
    self.number = number
    self.name = name
    sql = String(decoding: bytes, as: UTF8.self)
  }

  /// Every migration in order. The files are `sql/NNNN_name.sql`; the constants that carry them
  /// lose the first digit of the number.
  package static let all = [
    Migration(1, "episodes", PackageResources._001_episodes_sql),
    Migration(2, "tokens", PackageResources._002_tokens_sql),
    Migration(3, "traces_and_quotas", PackageResources._003_traces_and_quotas_sql),
    Migration(4, "monitor", PackageResources._004_monitor_sql),
    Migration(5, "latent", PackageResources._005_latent_sql),
    Migration(6, "store", PackageResources._006_store_sql),
    Migration(7, "review", PackageResources._007_review_sql),
    Migration(8, "labels", PackageResources._008_labels_sql),
    Migration(9, "conversations", PackageResources._009_conversations_sql),
    Migration(10, "plans", PackageResources._010_plans_sql),
  ]
  /// Roles and row-level security (`sql/roles.sql`): no step of the schema, since roles belong to
  /// the whole server; may be run as often as one likes.
  package static let roles = String(decoding: PackageResources.roles_sql, as: UTF8.self)
}
