/// Finds the binding for a method and a path. A tree of segments, in which literals take precedence over `*`, and `*`
/// over `**`.
///
/// A search visits each node at most twice, so its cost is bounded by the templates, whatever the path.
struct TemplateTable: Sendable {
    private struct Entry: Sendable {
        let method: String
        let verb: [UInt8]?
        let binding: Int
    }

    private struct Node: Sendable {
        var literals: [[UInt8]: Int] = [:]
        var one: Int?
        /// Bindings that end here.
        var entries: [Entry] = []
        /// Bindings that end here with `**`.
        var rest: [Entry] = []
    }

    enum Result: Equatable {
        /// The binding, and the path's segments without the verb.
        case binding(Int, segments: [[UInt8]])
        /// The path matches, but only with these methods.
        case otherMethods([String])
        case none
    }

    /// The `kind` of a `custom` pattern that matches every method.
    private static let anyMethod = "*"

    private var nodes = [Node()]

    /// - Returns: false when another template matches the same requests.
    mutating func insert(_ template: PathTemplate, method: String, binding: Int) -> Bool {
        var node = 0
        let entry = Entry(method: method, verb: template.verb, binding: binding)
        for segment in template.segments {
            switch segment {
            case .literal(let text):
                if let next = nodes[node].literals[text] {
                    node = next
                } else {
                    nodes[node].literals[text] = nodes.count
                    node = nodes.count
                    nodes.append(Node())
                }
            case .one:
                if let next = nodes[node].one {
                    node = next
                } else {
                    nodes[node].one = nodes.count
                    node = nodes.count
                    nodes.append(Node())
                }
            case .rest:
                return Self.append(entry, to: &nodes[node].rest)
            }
        }
        return Self.append(entry, to: &nodes[node].entries)
    }

    private static func append(_ entry: Entry, to entries: inout [Entry]) -> Bool {
        guard !entries.contains(where: { $0.method == entry.method && $0.verb == entry.verb }) else { return false }
        entries.append(entry)
        return true
    }

    /// - Parameter path: a normalized path; a trailing slash is ignored.
    func match(method: String, path: some Collection<UInt8>) -> Result {
        var segments = Array(path).split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .dropFirst().map { Array($0) }
        if segments.last?.isEmpty == true { segments.removeLast() }
        var others: Set<String> = []
        if let last = segments.last, let colon = last.lastIndex(of: UInt8(ascii: ":")) {
            var plain = segments
            plain[plain.count - 1] = Array(last[..<colon])
            let verb = Array(last[(colon + 1)...])
            if let binding = find(method, plain[...], verb, at: 0, &others) {
                return .binding(binding, segments: plain)
            }
        }
        if let binding = find(method, segments[...], nil, at: 0, &others) {
            return .binding(binding, segments: segments)
        }
        return others.isEmpty ? .none : .otherMethods(others.sorted())
    }

    /// - Parameter others: receives the methods of bindings that match except for the method.
    private func find(
        _ method: String, _ segments: ArraySlice<[UInt8]>, _ verb: [UInt8]?, at node: Int, _ others: inout Set<String>
    ) -> Int? {
        // As in Envoy, a more specific path with any method takes precedence over one with this method.
        func entry(_ entries: [Entry]) -> Int? {
            var any: Int?
            for entry in entries where entry.verb == verb {
                if entry.method == method { return entry.binding }
                if entry.method == Self.anyMethod { any = entry.binding } else { others.insert(entry.method) }
            }
            return any
        }
        let node = nodes[node]
        guard let first = segments.first else { return entry(node.entries) ?? entry(node.rest) }
        if let next = node.literals[first], let found = find(method, segments.dropFirst(), verb, at: next, &others) {
            return found
        }
        if let next = node.one, !first.isEmpty,
            let found = find(method, segments.dropFirst(), verb, at: next, &others)
        {
            return found
        }
        return entry(node.rest)
    }
}
