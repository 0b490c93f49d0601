package import Oversight
internal import Threads

/// Works off a queue of episodes with an LLM monitor, on threads of its own.
///
/// A job is leased; the lease is prolonged while its thread works on it. If this process dies, the
/// lease runs out and another takes the job; answers that were kept are not asked for again.
package final class MonitorWorkers: Sendable {
  /// What the workers need of those who know episodes and verdicts.
  package struct Judge: Sendable {
    /// An episode as it was received; nil if its text is not kept.
    package let episode: @Sendable (StoredEpisode) -> Episode?
    /// The record with the verdict that the monitor's outcome leads to.
    package let record: @Sendable (StoredEpisode, Episode, Outcome, MonitorJob) -> EpisodeRecord
    /// Is told what a person should know.
    package let note: @Sendable (String) -> Void

    package init(
      episode: @escaping @Sendable (StoredEpisode) -> Episode?,
      record: @escaping @Sendable (StoredEpisode, Episode, Outcome, MonitorJob) -> EpisodeRecord,
      note: @escaping @Sendable (String) -> Void
    ) {
      self.episode = episode
      self.record = record
      self.note = note
    }
  }

  package struct Options: Sendable {
    package var threads = 8
    package var leaseSeconds = 60.0
    /// Between two looks at an empty queue.
    package var pollSeconds = 0.5
    /// Leases of one job after which it ends without a score.
    package var attemptsMax = 5

    package init() {}
  }

  private static let pausesMax = 4.0

  private let monitor: LLMMonitor
  private let queue: any MonitorQueue
  private let judge: Judge
  private let options: Options
  private let name: String
  private let stopping = Stopping()
  private let held = Locked<[Int: MonitorJob]>([:])
  private let threads: Locked<ThreadGroup?>

  /// - Parameter name: of this process, no other's.
  package init(
    _ monitor: LLMMonitor, _ queue: any MonitorQueue, _ judge: Judge, name: String,
    options: Options = Options()
  ) {
    self.monitor = monitor
    self.queue = queue
    self.judge = judge
    self.options = options
    self.name = name
    threads = Locked(nil)
  }

  package func start() {
    var bodies: [@Sendable () -> Void] = Array(
      repeating: { [self] in work() }, count: max(1, options.threads))
    bodies.append { [self] in keepLeases() }
    let group = ThreadGroup(bodies, name: "overt-monitor")
    threads.withLock { $0 = group }
  }

  /// Ends: calls are cut short, jobs given back. Blocks.
  package func stop() {
    stopping.stop()
    monitor.stop()
    threads.withLock { $0 }?.join()
    threads.withLock { $0 = nil }
  }

  private func work() {
    // Looks at an empty queue less and less often, up to some seconds.
    var pauses = 1.0
    while !stopping.wait(seconds: 0) {
      let jobs: [MonitorJob]
      do {
        jobs = try queue.claim(name, count: 1, leaseSeconds: options.leaseSeconds)
      } catch {
        judge.note("the monitor's queue cannot be read: \(error.message)")
        if stopping.wait(seconds: 2) { return }
        continue
      }
      guard let job = jobs.first else {
        if stopping.wait(seconds: options.pollSeconds * pauses) { return }
        pauses = min(Self.pausesMax, pauses + 1)
        continue
      }
      pauses = 1
      held.withLock { $0[job.id] = job }
      defer { held.withLock { $0[job.id] = nil } }
      do {
        try perform(job)
      } catch {
        // The lease runs out, and the job is somebody's again.
        judge.note("job \(job.id) of the monitor: \(error.message)")
        if stopping.wait(seconds: 1) { return }
      }
    }
  }

  /// Two threads never work on one job: whoever lost its lease cannot finish it.
  private func perform(_ job: MonitorJob) throws(StoreError) {
    let stored: StoredEpisode
    do {
      stored = try queue.episode(job)
    } catch  where error.code == .notFound {
      return
    }
    guard let episode = judge.episode(stored) else {
      return try finish(job, nil, .unscored(reason: "the text is not kept"))
    }
    // It has brought down whoever took it, again and again.
    guard job.attempts < 2 * options.attemptsMax else {
      return try finish(job, episode, .unscored(reason: "given up after \(job.attempts) attempts"))
    }
    let seconds = max(
      monitor.settings.attemptSeconds, monitor.settings.assessmentSeconds - job.ageSeconds)
    do {
      try finish(job, episode, try monitor.assess(episode, id: job.episodeID, seconds: seconds))
    } catch let postponed as Postponed {
      let isOver = job.ageSeconds > monitor.settings.assessmentSeconds
      let isLast =
        switch postponed.cause {
        case .attempt: isOver || job.attempts + 1 >= options.attemptsMax
        case .pause: isOver
        case .outside: false
        }
      if isLast { return try finish(job, episode, .unscored(reason: postponed.reason)) }
      try queue.postpone(
        job, name, seconds: postponed.seconds, isAttempt: postponed.cause == .attempt)
    } catch let error as StoreError {
      throw error
    } catch {
      throw StoreError(.unavailable, "\(error)")
    }
  }

  private func finish(
    _ job: MonitorJob, _ episode: Episode?, _ outcome: Outcome
  ) throws(StoreError) {
    let judge = judge
    _ = try queue.finish(
      job, name, outcome: outcome.words, suspicion: outcome.score?.suspicion.value
    ) { stored in
      // Only closed episodes are asked about, so that it is still the one that was read. One that
      // could not be read keeps its verdict, which is incomplete.
      episode.map { judge.record(stored, $0, outcome, job) }
    }
  }

  private func keepLeases() {
    while !stopping.wait(seconds: options.leaseSeconds / 3) {
      for job in held.withLock({ Array($0.values) }) {
        do {
          _ = try queue.renew(job, name, leaseSeconds: options.leaseSeconds)
        } catch {
          judge.note("a lease of the monitor's cannot be prolonged: \(error.message)")
        }
      }
    }
  }
}

extension Outcome {
  /// For the books.
  fileprivate var words: String {
    switch self {
    case .scored: "scored"
    case .pending: "pending"
    case .unscored(let reason, _): "unscored: \(reason)"
    case .skipped(let reason, _): "skipped: \(reason)"
    }
  }
}
