/// Which passwords are refused. Guessing programs try common words with digits and signs around them, walks over the
/// keyboard, repetitions, and what is known of the person, so those are told by their structure; the words are in
/// `CommonPasswords.swift`.
enum PasswordPolicy {
    /// Whether the password is among the first that are tried.
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

    // MARK: Likeness

    /// Twice the longest common subsequence over both lengths, as `diff` tools measure it.
    private static func isSimilar(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Bool {
        // Anything shorter cannot reach the limit however well it fits.
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

    /// `abcabcabcabc`, `passwordpassword`: a unit of at most four characters, or a common one, again and again.
    private static func isRepeated(_ characters: [Unicode.Scalar]) -> Bool {
        guard characters.count >= 2 else { return false }
        return (1...(characters.count / 2)).contains { period in
            zip(characters, characters.dropFirst(period)).allSatisfy(==)
                && (period <= 4 || isWalk(Array(characters.prefix(period)))
                    || isMadeOfCommonWords(Array(characters.prefix(period))))
        }
    }

    /// `qwertyuiop`, `1qaz2wsx3edc`, `abcdefghij`, and two walks plaited into one: `q1w2e3r4t5`. Up to two other
    /// characters do not help.
    private static func isWalk(_ characters: [Unicode.Scalar]) -> Bool {
        func isCovered(_ characters: [Unicode.Scalar], strays: Int) -> Bool {
            characters.count >= 4 && characters.count - coveredByWalks(characters) <= strays
        }
        let even = stride(from: 0, to: characters.count, by: 2).map { characters[$0] }
        let odd = stride(from: 1, to: characters.count, by: 2).map { characters[$0] }
        return isCovered(characters, strays: 2) || (isCovered(even, strays: 0) && isCovered(odd, strays: 0))
    }

    /// How many characters lie in stretches of three or more along one of the tracks.
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

    /// `P@ssw0rd2024!`, `Welcome-123456`, `adminpassword`: common words, and at most eight other characters.
    private static func isMadeOfCommonWords(_ characters: [Unicode.Scalar]) -> Bool {
        let isLetter: (Unicode.Scalar) -> Bool = \.properties.isAlphabetic
        let trailing = characters.reversed().prefix { !isLetter($0) }.count
        let leading = characters.prefix { !isLetter($0) }.count
        guard leading < characters.count else { return false }
        // Signs stand for letters inside of a word and at its front, or for nothing.
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

    /// With the letters for which signs and digits are put, and without other signs.
    private static func plain(_ characters: ArraySlice<Unicode.Scalar>) -> [Unicode.Scalar] {
        characters.compactMap { CommonPasswords.substitutes[$0] ?? ($0.properties.isAlphabetic ? $0 : nil) }
    }

    /// Whether the letters are nothing but common words, three of them at the most: more are a passphrase.
    private static func areCommonWords(_ letters: [Unicode.Scalar]) -> Bool {
        // How few words lead to each place; each is looked at once.
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
