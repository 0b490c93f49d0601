package import Oversight

/// Reads and keeps what was measured of latent summaries, over one connection.
struct LatentReadings {
  let connection: PostgresConnection

  /// Readings of one model that are read at once: the newest.
  static let readingsMax = 100_000
  /// Readings that a baseline takes in one transaction.
  static let foldMax = 1000

  /// Keeps readings of new episodes, and in place of earlier ones of the same episodes.
  static let insert = PostgresConnection.Statement(
    name: "insert_latent_readings",
    sql: """
      INSERT INTO latent_readings (episode_id, project, model, model_version, recorder, probe, task,
        metric_names, metric_values, features)
      SELECT episode_id, project, model, model_version, recorder, probe, task,
        metric_names::text[], metric_values::float8[], features::float8[]
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
        $7::text[], $8::text[], $9::text[], $10::text[])
        AS row (episode_id, project, model, model_version, recorder, probe, task, metric_names,
          metric_values, features)
      WHERE EXISTS (SELECT FROM episodes WHERE episodes.id = row.episode_id)
      ON CONFLICT (episode_id) DO UPDATE SET model = excluded.model,
        model_version = excluded.model_version, recorder = excluded.recorder,
        probe = excluded.probe, task = excluded.task, metric_names = excluded.metric_names,
        metric_values = excluded.metric_values, features = excluded.features
      """)

  /// The values of rows, an array a column, in the order of the insert.
  static func columns(_ records: [EpisodeRecord]) -> [Parameter] {
    let rows = records.compactMap { record in record.latent.map { (record, $0) } }
    func texts(_ value: (EpisodeRecord, LatentRecord) -> String?) -> Parameter {
      .text(arrayLiteral(rows.map(value)))
    }
    func numbers(_ values: [Double]) -> String {
      "{" + values.map { "\($0)" }.joined(separator: ",") + "}"
    }
    func metrics(_ record: LatentRecord) -> [(String, Double)] {
      record.reading.metrics.map { ($0.key.rawValue, $0.value) }.sorted { $0.0 < $1.0 }
    }
    return [
      texts { record, _ in record.id }, texts { record, _ in record.project },
      texts { storable($1.reading.model) }, texts { storable($1.reading.modelVersion) },
      texts { $1.reading.recorder }, texts { $1.reading.probe }, texts { storable($1.task) },
      texts { arrayLiteral(metrics($1).map(\.0)) }, texts { numbers(metrics($1).map(\.1)) },
      texts { $1.reading.features.map(numbers) },
    ]
  }

  // MARK: Reading

  func models(project: String?) throws(PostgresError) -> [StoredModel] {
    var models: [[String]: StoredModel] = [:]
    let seen = try connection.run(
      """
      SELECT project, model, count(*), count(*) FILTER (WHERE verdict = 'flagged') FROM episodes
      WHERE model IS NOT NULL AND ($1::text IS NULL OR project = $1) GROUP BY project, model
      """, [.text(project)])
    for row in 0..<seen.rowCount {
      guard let project = seen.text(row, 0), let name = seen.text(row, 1) else { continue }
      var model = StoredModel(project: project, name: name)
      model.episodes = seen.text(row, 2).flatMap(Int.init) ?? 0
      model.flagged = seen.text(row, 3).flatMap(Int.init) ?? 0
      models[[project, name]] = model
    }
    let versions = try connection.run(
      """
      SELECT project, model, model_version, count(*),
        to_char(min(created_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        to_char(max(created_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
      FROM latent_readings WHERE $1::text IS NULL OR project = $1
      GROUP BY project, model, model_version ORDER BY min(episode_id)
      """, [.text(project)])
    for row in 0..<versions.rowCount {
      guard let project = versions.text(row, 0), let name = versions.text(row, 1) else { continue }
      models[[project, name], default: StoredModel(project: project, name: name)].versions.append(
        StoredModel.Version(
          name: versions.text(row, 2) ?? "",
          episodes: versions.text(row, 3).flatMap(Int.init) ?? 0,
          firstSeen: versions.text(row, 4) ?? "", lastSeen: versions.text(row, 5) ?? ""))
    }
    return models.values.sorted { ($0.project, $0.name) < ($1.project, $1.name) }
  }

  /// The newest ``readingsMax``, the oldest of them first.
  func readings(of model: String, project: String) throws(PostgresError) -> [StoredReading] {
    let result = try connection.run(
      """
      SELECT * FROM (
        SELECT episode_id, model_version, task, recorder, probe,
          array_to_string(metric_names, ' '), array_to_string(metric_values, ' ')
        FROM latent_readings WHERE project = $1 AND model = $2
        ORDER BY episode_id DESC LIMIT \(Self.readingsMax)) newest
      ORDER BY episode_id
      """, [.text(project), .text(model)])
    return (0..<result.rowCount).map { row in
      let names = (result.text(row, 5) ?? "").split(separator: " ")
      let values = Self.numbers(result.text(row, 6))
      var metrics: [LatentMetric: Double] = [:]
      for (name, value) in zip(names, values) {
        if let metric = LatentMetric(rawValue: String(name)) { metrics[metric] = value }
      }
      return StoredReading(
        episodeID: result.text(row, 0) ?? "", version: result.text(row, 1) ?? "",
        task: result.text(row, 2) ?? "", recorder: result.text(row, 3) ?? "",
        probe: result.text(row, 4) ?? "", metrics: metrics)
    }
  }

  func baselines(
    of model: String?, project: String?
  ) throws(PostgresError) -> [LatentBaseline.Key: LatentBaseline] {
    let result = try connection.run(
      """
      SELECT project, model, model_version, recorder, \(Self.stateColumns) FROM latent_baselines
      WHERE ($1::text IS NULL OR model = $1) AND ($2::text IS NULL OR project = $2)
      """, [.text(model), .text(project)])
    var baselines: [LatentBaseline.Key: LatentBaseline] = [:]
    for row in 0..<result.rowCount {
      baselines[Self.key(result, row)] = Self.baseline(result, row, from: 4)
    }
    return baselines
  }

  private static let stateColumns =
    "count, fitted, array_to_string(mean, ' '), array_to_string(comoment, ' '), "
    + "array_to_string(sample, ' ')"

  private static func key(_ result: QueryResult, _ row: Int) -> LatentBaseline.Key {
    LatentBaseline.Key(
      project: result.text(row, 0) ?? "", model: result.text(row, 1) ?? "",
      version: result.text(row, 2) ?? "", recorder: result.text(row, 3) ?? "")
  }

  private static func baseline(
    _ result: QueryResult, _ row: Int, from column: Int
  ) -> LatentBaseline? {
    LatentBaseline(
      count: result.text(row, column).flatMap(Int.init) ?? 0,
      fitted: result.text(row, column + 1).flatMap(Int.init) ?? 0,
      mean: numbers(result.text(row, column + 2)),
      comoment: numbers(result.text(row, column + 3)),
      sample: numbers(result.text(row, column + 4)))
  }

  private static func numbers(_ text: String?) -> [Double] {
    (text ?? "").split(separator: " ").compactMap { Double($0) }
  }

  // MARK: Folding

  /// Has the baselines take clear episodes that they have not taken, each once. Inside its caller's
  /// transaction; several processes may do it at the same time.
  ///
  /// - Returns: how many episodes were settled.
  func fold() throws(PostgresError) -> Int {
    let rows = try connection.run(
      """
      SELECT r.project, r.model, r.model_version, r.recorder, r.episode_id, e.verdict,
        array_to_string(r.features, ' ')
      FROM latent_readings r JOIN episodes e ON e.id = r.episode_id
      WHERE NOT r.is_settled AND NOT e.is_open AND e.verdict IN ('clear', 'flagged')
      ORDER BY r.episode_id LIMIT \(Self.foldMax) FOR UPDATE OF r SKIP LOCKED
      """)
    var features: [LatentBaseline.Key: [[Double]]] = [:]
    var settled: [String] = []
    for row in 0..<rows.rowCount {
      settled.append(rows.text(row, 4) ?? "")
      let numbers = Self.numbers(rows.text(row, 6))
      guard rows.text(row, 5) == "clear", numbers.count == LatentBaseline.dimension else {
        continue
      }
      features[Self.key(rows, row), default: []].append(numbers)
    }
    guard !settled.isEmpty else { return 0 }
    // In one order, so that two processes do not wait for each other.
    let keys = features.keys.sorted {
      ($0.project, $0.model, $0.version, $0.recorder)
        < ($1.project, $1.model, $1.version, $1.recorder)
    }
    for key in keys { try fold(features[key] ?? [], into: key) }
    try connection.run(
      "UPDATE latent_readings SET is_settled = true WHERE episode_id = ANY ($1::text[])",
      [.text(arrayLiteral(settled))])
    return settled.count
  }

  private func fold(
    _ features: [[Double]], into key: LatentBaseline.Key
  ) throws(PostgresError) {
    let name: [Parameter] = [
      .text(key.project), .text(key.model), .text(key.version), .text(key.recorder),
    ]
    try connection.run(
      """
      INSERT INTO latent_baselines
        (project, model, model_version, recorder, count, fitted, mean, comoment, sample)
      VALUES ($1, $2, $3, $4, 0, 0, '{}', '{}', '{}') ON CONFLICT DO NOTHING
      """, name)
    let result = try connection.run(
      """
      SELECT \(Self.stateColumns) FROM latent_baselines
      WHERE project = $1 AND model = $2 AND model_version = $3 AND recorder = $4 FOR UPDATE
      """, name)
    // A new row, or one of an earlier list of features, with which nothing can be compared.
    var baseline = Self.baseline(result, 0, from: 0) ?? LatentBaseline()
    for row in features { baseline.add(row) }
    func array(_ values: [Double]) -> Parameter {
      .text("{" + values.map { "\($0)" }.joined(separator: ",") + "}")
    }
    try connection.run(
      """
      UPDATE latent_baselines SET count = $5, fitted = $6, mean = $7, comoment = $8, sample = $9,
        updated_at = now()
      WHERE project = $1 AND model = $2 AND model_version = $3 AND recorder = $4
      """,
      name + [
        .text("\(baseline.count)"), .text("\(baseline.fitted)"), array(baseline.mean),
        array(baseline.comoment), array(baseline.sample.flatMap(\.self)),
      ])
  }
}

extension PostgresEpisodeStore: ModelStore {
  package func models(project: String?, _ completion: @escaping Completion<[StoredModel]>) {
    view(project, completion) { try LatentReadings(connection: $0).models(project: project) }
  }

  package func readings(
    of model: String, project: String, _ completion: @escaping Completion<[StoredReading]>
  ) {
    view(project, completion) {
      try LatentReadings(connection: $0).readings(of: model, project: project)
    }
  }

  package func baselines(
    of model: String?, project: String?,
    _ completion: @escaping Completion<[LatentBaseline.Key: LatentBaseline]>
  ) {
    view(project, completion) {
      try LatentReadings(connection: $0).baselines(of: model, project: project)
    }
  }

  /// Has the baselines take what was called clear since, and hands all of them over.
  package func growBaselines(
    _ completion: @escaping Completion<[LatentBaseline.Key: LatentBaseline]>
  ) {
    read(completion) { connection in
      let readings = LatentReadings(connection: connection)
      while try connection.transaction({ try readings.fold() }) == LatentReadings.foldMax {}
      return try readings.baselines(of: nil, project: nil)
    }
  }
}
