/// The date format of HTTP: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
enum HTTPDate {
  private static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// The date of a Unix time from 1970 to 9999.
  static func text(unixSeconds: Int64) -> String {
    let day = Int(unixSeconds / 86_400)
    let second = Int(unixSeconds % 86_400)
    let date = civil(day)
    let clock = [second / 3600, second / 60 % 60, second % 60].map(twoDigits)
    return "\(weekdays[day % 7]), \(twoDigits(date.day)) \(months[date.month - 1]) \(date.year)"
      + " \(clock[0]):\(clock[1]):\(clock[2]) GMT"
  }

  /// The proleptic Gregorian date of a day since 1970-01-01, by counting from 0000-03-01 in
  /// periods of 400 years, so that leap days come last (Hinnant, "chrono-compatible low-level
  /// date algorithms", `civil_from_days`).
  private static func civil(_ day: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = day + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
  }

  private static func twoDigits(_ number: Int) -> String {
    number < 10 ? "0\(number)" : "\(number)"
  }
}
