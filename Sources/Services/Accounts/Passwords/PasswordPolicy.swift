/// Decides which passwords are rejected. Guessing programs try common words with digits and signs around them, keyboard
/// walks, repetitions and personal data, so the policy detects these structures. The words are in
/// `CommonPasswords.swift`.
enum PasswordPolicy {
    /// Whether the password is among the first that a guessing program tries.
    static func isCommon(_ password: String) -> Bool {
        let characters = Array(password.identityKey.unicodeScalars)
        return characters.allSatisfy { $0.properties.numericType != nil } && characters.count < 20
            || Set(characters).count < 4
            || isRepeated(characters)
            || isWalk(characters)
            || isMadeOfCommonWords(characters)
    }

    /// Whether the password resembles one of the texts, or a part of one (the name before the `@`, a word).
    static func isSimilar(_ password: String, to texts: [String]) -> Bool {
        let characters = Array(password.identityKey.unicodeScalars)
        return texts.contains { text in
            let key = text.identityKey
            let words = key.unicodeScalars.split { !$0.properties.isAlphabetic && $0.properties.numericType == nil }
            let beforeSign = key.unicodeScalars.prefix { $0 != "@" }
            return ([Array(key.unicodeScalars), Array(beforeSign)] + words.map(Array.init)).contains { part in
                part.count >= 3 && isSimilar(characters, part)
            }
        }
    }

    // MARK: Similarity

    /// Whether twice the length of the longest common subsequence is at least 70 % of both lengths together.
    private static func isSimilar(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Bool {
        // If the lengths differ more, the limit cannot be reached.
        guard left.count < right.count * 2, right.count < left.count * 2 else { return false }
        var lengths = [Int](repeating: 0, count: right.count + 1)
        for scalar in left {
            var diagonal = 0
            for (index, other) in right.enumerated() {
                let above = lengths[index + 1]
                lengths[index + 1] = scalar == other ? diagonal + 1 : max(above, lengths[index])
                diagonal = above
            }
        }
        return Double(2 * (lengths.last ?? 0)) / Double(left.count + right.count) >= 0.7
    }

    // MARK: Structure

    /// Whether a unit of at most four characters, or a common one, is repeated: `abcabcabcabc`, `passwordpassword`.
    private static func isRepeated(_ characters: [Unicode.Scalar]) -> Bool {
        guard characters.count >= 2 else { return false }
        return (1...(characters.count / 2)).contains { period in
            zip(characters, characters.dropFirst(period)).allSatisfy(==)
                && (period <= 4 || isWalk(Array(characters.prefix(period)))
                    || isMadeOfCommonWords(Array(characters.prefix(period))))
        }
    }

    /// Whether the characters follow keyboard tracks, with up to two exceptions: `qwertyuiop`, `1qaz2wsx3edc`,
    /// `abcdefghij`. Also detects two interleaved walks: `q1w2e3r4t5`.
    private static func isWalk(_ characters: [Unicode.Scalar]) -> Bool {
        func isCovered(_ characters: [Unicode.Scalar], strays: Int) -> Bool {
            characters.count >= 4 && characters.count - coveredByWalks(characters) <= strays
        }
        let even = stride(from: 0, to: characters.count, by: 2).map { characters[$0] }
        let odd = stride(from: 1, to: characters.count, by: 2).map { characters[$0] }
        return isCovered(characters, strays: 2) || (isCovered(even, strays: 0) && isCovered(odd, strays: 0))
    }

    /// The number of characters in runs of three or more along a track.
    private static func coveredByWalks(_ characters: [Unicode.Scalar]) -> Int {
        var covered = 0
        var start = 0
        while start < characters.count {
            let length =
                CommonPasswords.tracks.map { track in walk(along: track, in: characters, from: start) }.max() ?? 1
            if length >= 3 { covered += length }
            start += max(1, length >= 3 ? length : 1)
        }
        return covered
    }

    private static func walk(along track: [Unicode.Scalar], in characters: [Unicode.Scalar], from start: Int) -> Int {
        guard var position = track.firstIndex(of: characters[start]) else { return 0 }
        var length = 1
        for scalar in characters[(start + 1)...] {
            position += 1
            guard position < track.count, track[position] == scalar else { break }
            length += 1
        }
        return length
    }

    // MARK: Words

    /// Whether there are only common words and at most eight other characters: `P@ssw0rd2024!`, `Welcome-123456`.
    private static func isMadeOfCommonWords(_ characters: [Unicode.Scalar]) -> Bool {
        let isLetter: (Unicode.Scalar) -> Bool = \.properties.isAlphabetic
        let trailing = characters.reversed().prefix { !isLetter($0) }.count
        let leading = characters.prefix { !isLetter($0) }.count
        guard leading < characters.count else { return false }
        // Signs may replace letters inside a word or at its start, or be padding.
        let candidates = [
            characters.filter(isLetter),
            plain(characters[leading..<(characters.count - trailing)]),
            plain(characters.dropLast(trailing)),
            plain(characters[...]),
        ]
        return candidates.contains { candidate in
            candidate.count >= 4 && characters.count - candidate.count <= 8 && areCommonWords(candidate)
        }
    }

    /// The characters with signs and digits replaced by the letters they stand for, without other signs.
    private static func plain(_ characters: ArraySlice<Unicode.Scalar>) -> [Unicode.Scalar] {
        characters.compactMap { CommonPasswords.substitutes[$0] ?? ($0.properties.isAlphabetic ? $0 : nil) }
    }

    /// Whether the letters consist of one to three common words. More words are a passphrase.
    private static func areCommonWords(_ letters: [Unicode.Scalar]) -> Bool {
        // The fewest words that lead to each position. Each position is visited once.
        var fewest = [Int?](repeating: nil, count: letters.count + 1)
        fewest[0] = 0
        for start in letters.indices {
            guard let count = fewest[start], count < 3 else { continue }
            for length in CommonPasswords.wordLengths where start + length <= letters.count {
                var word = ""
                word.unicodeScalars.append(contentsOf: letters[start..<(start + length)])
                guard CommonPasswords.words.contains(word) else { continue }
                fewest[start + length] = min(fewest[start + length] ?? .max, count + 1)
            }
        }
        return fewest[letters.count] != nil
    }
}
