internal import Oversight

/// Counts what is kept, over one connection.
struct StatisticsReader {
  let connection: PostgresConnection

  func statistics(project: String?) throws(PostgresError) -> StoreStatistics {
    var statistics = StoreStatistics()
    let project = Parameter.text(project)
    let episodes = try connection.run(
      """
      SELECT verdict, severity, count(*) FROM episodes
      WHERE $1::text IS NULL OR project = $1 GROUP BY verdict, severity
      """, [project])
    for row in 0..<episodes.rowCount {
      let count = episodes.text(row, 2).flatMap(Int.init) ?? 0
      statistics.verdicts[episodes.text(row, 0) ?? "", default: 0] += count
      if let severity = episodes.text(row, 1) {
        statistics.severities[severity, default: 0] += count
      }
    }
    let audits = try connection.run(
      """
      SELECT weight, count(*) FILTER (WHERE outcome = 'scored'),
        count(*) FILTER (WHERE outcome = 'scored' AND verdict = 'flagged'),
        count(*) FILTER (WHERE outcome <> 'scored'), count(*) FILTER (WHERE outcome IS NULL)
      FROM monitor_jobs JOIN episodes ON episodes.id = episode_id
      WHERE reason = 'audit' AND ($1::text IS NULL OR project = $1) GROUP BY weight ORDER BY weight
      """, [project])
    for row in 0..<audits.rowCount {
      func number(_ column: Int) -> Int { audits.text(row, column).flatMap(Int.init) ?? 0 }
      statistics.audits.append(
        StoreStatistics.Audit(
          weight: audits.text(row, 0).flatMap(Double.init) ?? 1, judged: number(1),
          missed: number(2), unjudged: number(3), open: number(4)))
    }
    let jobs = try connection.run(
      """
      SELECT CASE WHEN outcome IS NULL THEN 'open' WHEN outcome = 'scored' THEN 'scored'
        ELSE 'unscored' END, count(*)
      FROM monitor_jobs JOIN episodes ON episodes.id = episode_id
      WHERE $1::text IS NULL OR project = $1 GROUP BY 1
      """, [project])
    for row in 0..<jobs.rowCount {
      statistics.jobs[jobs.text(row, 0) ?? ""] = jobs.text(row, 1).flatMap(Int.init) ?? 0
    }
    let calls = try connection.run(
      """
      SELECT count(*), coalesce(sum(coalesce(cost_usd, reserved_usd)), 0),
        count(*) FILTER (WHERE coalesce(cost_usd, reserved_usd) IS NULL)
      FROM monitor_calls WHERE started_at >= date_trunc('day', now(), 'UTC')
        AND ($1::text IS NULL OR episode_id IN (SELECT id FROM episodes WHERE project = $1))
      """, [project])
    statistics.callsToday = calls.text(0, 0).flatMap(Int.init) ?? 0
    statistics.spentTodayUSD = calls.text(0, 1).flatMap(Double.init) ?? 0
    statistics.unpricedCallsToday = calls.text(0, 2).flatMap(Int.init) ?? 0
    return statistics
  }
}
