/// The word of a list that a mistyped word most likely stands for; nil if none is near.
///
/// Near is a Levenshtein distance of at most a third of the word's length, and at least 1.
package func nearestWord(to word: String, in words: some Sequence<String>) -> String? {
  let limit = max(1, word.count / 3)
  guard word.count <= 64 else { return nil }
  let distances = words.map { (word: $0, distance: editDistance(word, $0)) }
  guard let nearest = distances.min(by: { $0.distance < $1.distance }), nearest.distance <= limit
  else { return nil }
  return nearest.word
}

private func editDistance(_ first: String, _ second: String) -> Int {
  let second = Array(second)
  var row = Array(0...second.count)
  for (i, a) in first.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for (j, b) in second.enumerated() {
      let substituted = diagonal + (a == b ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
    }
  }
  return row[second.count]
}
