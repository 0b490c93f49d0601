/// What is kept of an episode's latent summaries beside the episode, also where its text is not.
package struct LatentRecord: Sendable, Equatable {
  package var reading: LatentReading
  /// What kind of task the episode was: the producer's label `task`, empty without one. Versions of
  /// a model are compared task by task.
  package var task: String

  package init(_ reading: LatentReading, task: String) {
    self.reading = reading
    self.task = task
  }
}

/// What is known of a model's episodes, by name and project.
package struct StoredModel: Sendable, Equatable {
  package var project: String
  package var name: String
  /// Episodes that name the model as their agent's, and flagged ones among them.
  package var episodes = 0
  package var flagged = 0
  /// Of episodes with latent summaries, in the order in which the versions appeared.
  package var versions: [Version] = []

  package struct Version: Sendable, Equatable {
    package var name: String
    package var episodes: Int
    /// RFC 3339 in UTC.
    package var firstSeen: String
    package var lastSeen: String

    package init(name: String, episodes: Int, firstSeen: String, lastSeen: String) {
      self.name = name
      self.episodes = episodes
      self.firstSeen = firstSeen
      self.lastSeen = lastSeen
    }
  }

  package init(project: String, name: String) {
    self.project = project
    self.name = name
  }
}

/// One episode's metrics as they are kept.
package struct StoredReading: Sendable, Equatable {
  package var episodeID: String
  package var version: String
  package var task: String
  package var recorder: String
  package var probe: String
  package var metrics: [LatentMetric: Double]

  package init(
    episodeID: String, version: String, task: String, recorder: String, probe: String,
    metrics: [LatentMetric: Double]
  ) {
    self.episodeID = episodeID
    self.version = version
    self.task = task
    self.recorder = recorder
    self.probe = probe
    self.metrics = metrics
  }
}

/// Where models and what was measured of their states is kept. Calls return at once; results come
/// through completions.
package protocol ModelStore: Sendable {
  /// Models seen, by project and name; `project` nil sees all.
  func models(project: String?, _ completion: @escaping Completion<[StoredModel]>)

  /// What was measured of a model's episodes, the oldest first.
  func readings(
    of model: String, project: String, _ completion: @escaping Completion<[StoredReading]>)

  /// The baselines of a model; nil for those of all.
  func baselines(
    of model: String?, project: String?,
    _ completion: @escaping Completion<[LatentBaseline.Key: LatentBaseline]>)
}
