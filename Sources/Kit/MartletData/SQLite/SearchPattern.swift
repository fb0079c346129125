/// Terms to look for in rows, prepared once for a statement.
///
/// Each term is found by Knuth, Morris and Pratt's method: however the text and the term are made, a term costs at most two
/// comparisons for each scalar of the text.
final class SearchPattern {
    private struct Term {
        let scalars: [UInt32]
        /// Where to go on in the term after a mismatch: the length of the longest border of what has matched.
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
    /// How many scalars have been compared, for tests of the cost.
    private(set) var comparisons = 0

    /// - Parameter text: the terms with a blank between each two.
    init(terms text: UnsafeBufferPointer<UInt8>) {
        let blank = UInt32(UInt8(ascii: " "))
        terms = TextFold.scalars(of: text).split(separator: blank).map { Term(Array($0)) }
    }

    /// - Parameter whole: one term, blanks included.
    init(whole: UnsafeBufferPointer<UInt8>) {
        let scalars = TextFold.scalars(of: whole)
        terms = scalars.isEmpty ? [] : [Term(scalars)]
    }

    /// Whether every term is in one of the texts. A nil text has nothing in it.
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
