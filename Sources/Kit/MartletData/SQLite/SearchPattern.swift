/// Search terms, compiled once per statement.
///
/// Terms are found with the Knuth–Morris–Pratt algorithm: for any input, a term costs at most two comparisons per
/// scalar of the text.
final class SearchPattern {
    private struct Term {
        let scalars: [UInt32]
        /// Where to continue in the term after a mismatch: the length of the longest border of the matched part.
        let borders: [Int]

        init(_ scalars: [UInt32]) {
            self.scalars = scalars
            var borders = [0]
            var length = 0
            for index in scalars.indices.dropFirst() {
                while length > 0, scalars[index] != scalars[length] { length = borders[length - 1] }
                if scalars[index] == scalars[length] { length += 1 }
                borders.append(length)
            }
            self.borders = borders
        }
    }

    private let terms: [Term]
    /// The number of scalars compared, for tests of the cost.
    private(set) var comparisons = 0

    /// - Parameter text: the terms, separated by spaces.
    init(terms text: UnsafeBufferPointer<UInt8>) {
        let blank = UInt32(UInt8(ascii: " "))
        terms = TextFold.scalars(of: text).split(separator: blank).map { Term(Array($0)) }
    }

    /// - Parameter whole: one term, which may contain spaces.
    init(whole: UnsafeBufferPointer<UInt8>) {
        let scalars = TextFold.scalars(of: whole)
        terms = scalars.isEmpty ? [] : [Term(scalars)]
    }

    /// Whether each term occurs in one of the texts. A nil text contains nothing.
    func matches(_ texts: [UnsafeBufferPointer<UInt8>?]) -> Bool {
        terms.allSatisfy { term in
            texts.contains { text in text.map { find(term, in: $0) } ?? false }
        }
    }

    private func find(_ term: Term, in text: UnsafeBufferPointer<UInt8>) -> Bool {
        TextFold.withScalars(of: text) { scalars in
            term.scalars.withUnsafeBufferPointer { wanted in
                var matched = 0
                var compared = 0
                defer { comparisons += compared }
                while let scalar = scalars.next() {
                    compared += 1
                    while matched > 0, scalar != wanted[matched] {
                        matched = term.borders[matched - 1]
                        compared += 1
                    }
                    if scalar == wanted[matched] { matched += 1 }
                    if matched == wanted.count { return true }
                }
                return false
            }
        }
    }
}
