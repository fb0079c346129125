import Yams

/// Reads YAML so that whatever is wrong with it has a line.
enum YAMLText {
    struct ReadError: Error {
        let line: Int
        let text: String
    }

    /// What a key begins with that comes again in its mapping: the parser gives up there, so the earlier one gets another
    /// name, and can be complained about with everything else. From Unicode's private use area.
    static let again: Character = "\u{E000}"

    /// Bytes of a text, values that it says (an alias says all that it stands for), and how deep they are nested.
    static let maximumLength = 1 << 20
    static let maximumValues = 100_000
    static let maximumDepth = 100
    /// Bytes that are read to tell keys that come twice, each of which has the text read once more.
    private static let maximumWork = 8 << 20

    /// - Returns: nil for a text that says nothing.
    static func compose(_ text: String) throws(ReadError) -> Node? {
        let length = text.utf8.count
        guard length <= maximumLength else {
            throw ReadError(line: 0, text: "has \(length) bytes; at most \(maximumLength) are read")
        }
        var text = text
        // More of them are not told at once.
        for count in 1...max(1, min(100, maximumWork / max(1, length))) {
            do {
                let node = try Yams.compose(yaml: text)
                if let node { _ = try Self.count(node) }
                return node
            } catch let problem as ReadError {
                throw problem
            } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
                guard let renamed = renamed(text, at: context.mark, count) else {
                    throw ReadError(line: context.mark.line, text: "\(keys.joined(separator: ", ")): comes twice")
                }
                text = renamed
            } catch let error as YamlError {
                throw ReadError(error)
            } catch {
                throw ReadError(line: 0, text: "is not YAML")
            }
        }
        throw ReadError(line: 0, text: "has too many keys that come twice")
    }

    /// Counts the values of a text, each as often as it is said: aliases of aliases can say very many.
    /// - Throws: ``ReadError`` as soon as there are more than ``maximumValues``, or deeper ones than ``maximumDepth``.
    static func count(_ root: Node) throws(ReadError) -> Int {
        var count = 0
        var pending: [(node: Node, depth: Int)] = [(root, 0)]
        while let (node, depth) = pending.popLast() {
            count += 1
            guard count <= maximumValues else {
                throw ReadError(
                    line: node.mark?.line ?? 0,
                    text: "says more than \(maximumValues) values; an alias says all that it stands for")
            }
            guard depth <= maximumDepth else {
                throw ReadError(line: node.mark?.line ?? 0, text: "is nested more than \(maximumDepth) deep")
            }
            switch node {
            case .mapping(let mapping):
                for (key, value) in mapping {
                    guard case .scalar = key else {
                        throw ReadError(line: key.mark?.line ?? 0, text: "a key must be a text")
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

    /// - Parameter count: gives each its own name.
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
