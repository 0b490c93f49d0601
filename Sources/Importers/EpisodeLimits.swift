/// What an episode may hold. Everything beyond is refused with the limit's name and value.
package enum EpisodeLimits {
  /// Nested arrays and objects of a document (Foundation's own limit is the same).
  package static let depthMax = 512
  /// A training run's longest agent episodes have some thousands of turns.
  package static let messagesMax = 20_000
  package static let partsPerMessageMax = 10_000
  /// PostgreSQL refuses index rows of about 2.7 KB and more; names need a fraction of it.
  package static let externalIDBytesMax = 512
  package static let projectBytesMax = 128
  /// Names of models, agents, tools and the like.
  package static let nameBytesMax = 1024
  package static let labelsMax = 64
  /// Unknown fields that are kept one by one; the received bytes hold all of them.
  package static let extraFieldsMax = 1000
  package static let labelBytesMax = 1024
  package static let latentSummariesMax = 4096
}
