/// A path template of `google.api.http`: `/v1/{name=shelves/*/books/*}:archive`.
///
/// ```
/// Template = "/" Segments [ ":" LITERAL ]
/// Segments = Segment { "/" Segment }
/// Segment  = "*" | "**" | LITERAL | "{" FieldPath [ "=" Segments ] "}"
/// ```
struct PathTemplate: Equatable, Sendable {
    enum Segment: Hashable, Sendable {
        case literal([UInt8])
        /// `*`: exactly one segment.
        case one
        /// `**`: all remaining segments, possibly none. Only allowed at the end.
        case rest
    }

    struct Variable: Equatable, Sendable {
        /// The field's path from the request message.
        let path: [String]
        /// The segments that form the value.
        var segments: Range<Int>
    }

    private(set) var segments: [Segment] = []
    private(set) var variables: [Variable] = []
    /// The text after the colon, if any.
    private(set) var verb: [UInt8]?

    /// - Throws: ``DescriptorError`` for an invalid template.
    init(_ text: String) throws(DescriptorError) {
        var rest = text[...]
        guard rest.popFirst() == "/" else { throw Self.error(text) }
        // A colon in braces is invalid, and one in the path can only precede the verb.
        if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains(where: { $0 == "/" || $0 == "}" }) {
            verb = Array(rest[rest.index(after: colon)...].utf8)
            rest = rest[..<colon]
            guard verb?.isEmpty == false else { throw Self.error(text) }
        }
        while true {
            if rest.first == "{" {
                guard let close = rest.firstIndex(of: "}") else { throw Self.error(text) }
                try readVariable(rest[rest.index(after: rest.startIndex)..<close], text)
                rest = rest[rest.index(after: close)...]
            } else {
                let end = rest.firstIndex(of: "/") ?? rest.endIndex
                try readSegment(rest[..<end], text)
                rest = rest[end...]
            }
            guard let slash = rest.popFirst() else { break }
            guard slash == "/" else { throw Self.error(text) }
        }
        guard !segments.dropLast().contains(.rest) else { throw DescriptorError("'\(text)': ** must be at the end") }
        guard Set(variables.map(\.path)).count == variables.count else {
            throw DescriptorError("'\(text)' repeats a variable")
        }
    }

    private mutating func readVariable(_ content: Substring, _ text: String) throws(DescriptorError) {
        let parts = content.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let path = parts[0].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard path.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(Self.isIdentifier) }) else { throw Self.error(text) }
        let start = segments.count
        for segment in (parts.count > 1 ? parts[1] : "*").split(separator: "/", omittingEmptySubsequences: false) {
            try readSegment(segment, text)
        }
        variables.append(Variable(path: path, segments: start..<segments.count))
    }

    private mutating func readSegment(_ segment: Substring, _ text: String) throws(DescriptorError) {
        switch segment {
        case "*": segments.append(.one)
        case "**": segments.append(.rest)
        default:
            guard !segment.isEmpty, !segment.contains(where: { "*{}?#=".contains($0) }) else { throw Self.error(text) }
            segments.append(.literal(Array(segment.utf8)))
        }
    }

    private static func isIdentifier(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func error(_ text: String) -> DescriptorError {
        DescriptorError("'\(text)' is not a path template of google.api.http")
    }
}
