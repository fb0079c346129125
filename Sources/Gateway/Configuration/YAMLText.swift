import Yams

/// Parses YAML so that every error has a line.
enum YAMLText {
    struct ReadError: Error {
        let line: Int
        let text: String
    }

    /// Prefix for a duplicate key. The parser stops at duplicates, so the earlier one is renamed and reported together
    /// with the other errors. From Unicode's private use area.
    static let again: Character = "\u{E000}"

    /// The most bytes of a text, values with aliases expanded, and levels of nesting.
    static let maximumLength = 1 << 20
    static let maximumValues = 100_000
    static let maximumDepth = 100
    /// The most bytes to parse in search of duplicate keys: each duplicate requires another parse.
    private static let maximumWork = 8 << 20

    /// - Returns: nil for an empty document.
    static func compose(_ text: String) throws(ReadError) -> Node? {
        let length = text.utf8.count
        guard length <= maximumLength else {
            throw ReadError(line: 0, text: "has \(length) bytes; the limit is \(maximumLength)")
        }
        var text = text
        // Stops after a bounded number of duplicates.
        for count in 1...max(1, min(100, maximumWork / max(1, length))) {
            do {
                let node = try Yams.compose(yaml: text)
                if let node { _ = try Self.count(node) }
                return node
            } catch let problem as ReadError {
                throw problem
            } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
                guard let renamed = renamed(text, at: context.mark, count) else {
                    throw ReadError(line: context.mark.line, text: "\(keys.joined(separator: ", ")): appears twice")
                }
                text = renamed
            } catch let error as YamlError {
                throw ReadError(error)
            } catch {
                throw ReadError(line: 0, text: "is not YAML")
            }
        }
        throw ReadError(line: 0, text: "has too many duplicate keys")
    }

    /// Counts the values of a document with aliases expanded: nested aliases can stand for very many.
    /// - Throws: ``ReadError`` as soon as there are more than ``maximumValues``, or levels beyond ``maximumDepth``.
    static func count(_ root: Node) throws(ReadError) -> Int {
        var count = 0
        var pending: [(node: Node, depth: Int)] = [(root, 0)]
        while let (node, depth) = pending.popLast() {
            count += 1
            guard count <= maximumValues else {
                throw ReadError(
                    line: node.mark?.line ?? 0,
                    text: "has more than \(maximumValues) values after aliases are expanded")
            }
            guard depth <= maximumDepth else {
                throw ReadError(line: node.mark?.line ?? 0, text: "is nested more than \(maximumDepth) levels deep")
            }
            switch node {
            case .mapping(let mapping):
                for (key, value) in mapping {
                    guard case .scalar = key else {
                        throw ReadError(line: key.mark?.line ?? 0, text: "a key must be a string")
                    }
                    pending.append((value, depth + 1))
                }
            case .sequence(let sequence):
                for element in sequence { pending.append((element, depth + 1)) }
            case .scalar, .alias: break
            }
        }
        return count
    }

    /// - Parameter count: makes each renamed key distinct.
    private static func renamed(_ text: String, at mark: Mark, _ count: Int) -> String? {
        var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.indices.contains(mark.line - 1), mark.column > 0 else { return nil }
        var line = lines[mark.line - 1]
        guard var index = line.index(line.startIndex, offsetBy: mark.column - 1, limitedBy: line.endIndex),
            index < line.endIndex
        else { return nil }
        if line[index] == "\"" || line[index] == "'" { index = line.index(after: index) }
        var changed = String.UnicodeScalarView(line[..<index])
        for scalar in again.unicodeScalars { changed.append(contentsOf: repeatElement(scalar, count: count)) }
        changed.append(contentsOf: line[index...])
        line = changed[...]
        lines[mark.line - 1] = line
        return lines.map { String($0) }.joined(separator: "\n")
    }
}

extension YAMLText.ReadError {
    fileprivate init(_ error: YamlError) {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            self.init(line: mark.line, text: context.map { "\($0.text), \(problem)" } ?? problem)
        case .reader(let problem, let offset, _, let text):
            self.init(line: 1 + text.prefix(offset ?? 0).count { $0.isNewline }, text: problem)
        default:
            self.init(line: 0, text: "is not YAML")
        }
    }
}
