import MartletCore

/// Recognizes path syntax of other programs and suggests the equivalent.
enum RoutePathProblem {
    /// - Returns: nil for an acceptable path.
    static func of(_ text: String, isPrefix: Bool) -> String? {
        guard text.utf8.count <= 8192 else { return "has more than 8192 bytes" }
        if text.utf8.first != ASCII.slash {
            if ["^", "~"].contains(where: text.hasPrefix) { return "'\(text)' is a pattern, but paths are literal" }
            if text.contains("://") { return "'\(text)' is a URL; write the path alone, and the host under hosts" }
            return "'\(text)' must begin with /"
        }
        if text.contains("?") { return "'\(text)' has a query; routes match by path only" }
        let segments = text.split(separator: "/", omittingEmptySubsequences: false)
        let written = segments.map(parameter)
        if zip(segments, written).contains(where: { $0 != $1 }) {
            return "'\(text)': write parameters in braces: path: \(written.joined(separator: "/"))"
        }
        if text.contains("*") {
            let base = segments.prefix { !$0.contains("*") }.joined(separator: "/")
            return "'\(text)' has a wildcard; write prefix: \(base.isEmpty ? "/" : base)"
                + " for all below it, or {name} for one segment"
        }
        if isPrefix, text.contains("{") {
            return "'\(text)': a prefix has no parameters; end it before the first, or use path"
        }
        return nil
    }

    /// `:id` and `<int:id>` as `{id}`.
    private static func parameter(_ segment: Substring) -> Substring {
        if segment.first == ":", segment.count > 1 { return "{\(segment.dropFirst())}" }
        if segment.first == "<", segment.last == ">", segment.count > 2 {
            let inner = segment.dropFirst().dropLast()
            return "{\(inner.split(separator: ":").last ?? inner)}"
        }
        return segment
    }
}

extension ConfigNode {
    /// A host name, or `*.` and the end of one.
    func hostName() -> String? {
        guard let text = text() else { return nil }
        let name = text.utf8.starts(with: "*.".utf8) ? text.dropFirst(2) : text[...]
        let isName =
            !name.isEmpty && text.utf8.count <= 255
            && (name.utf8.allSatisfy(ASCIISet.unreserved.contains) || IPAddress(Self.withoutBrackets(name)) != nil)
        if !isName {
            fail(
                text == "*"
                    ? "omit hosts to match any host"
                    : "'\(text)' must be only a host name, such as api.example.org or *.example.org")
        }
        return text
    }

    private static func withoutBrackets(_ text: Substring) -> String {
        String(text.hasPrefix("[") && text.hasSuffix("]") ? text.dropFirst().dropLast() : text)
    }

    /// The origins of pages.
    func origins(allowsAll: Bool) -> [String] {
        list(such: "[\"https://app.example.org\"]").compactMap { node in
            guard let text = node.text() else { return nil }
            if allowsAll, text == "*" { return text }
            if let problem = Self.originProblem(text) {
                node.fail(problem)
                return nil
            }
            return text
        }
    }

    private static func originProblem(_ text: String) -> String? {
        let example = "https://app.example.org"
        guard let end = text.firstRange(of: "://"), end.lowerBound > text.startIndex else {
            return "'\(text)' is not an origin; write scheme and host, such as \(example)"
        }
        let host = text[end.upperBound...]
        if host.isEmpty || host.contains(where: { "/?#@ *".contains($0) }) {
            return "'\(text)' is not an origin; write only scheme, host and port, such as \(example)"
        }
        if text != text.lowercased() { return "'\(text)' must be in lower case, as browsers send it" }
        let (isPlain, isSecure) = (text.hasPrefix("http://"), text.hasPrefix("https://"))
        if isPlain && text.hasSuffix(":80") || isSecure && text.hasSuffix(":443") {
            return "'\(text)' must omit the default port, as browsers do"
        }
        return nil
    }
}
