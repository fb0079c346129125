/// Gives conditions back what compression has taken from them.
///
/// A compressed answer has a weak `ETag` where the service's is strong. Whoever sends it back in `If-Match`, which compares
/// strongly (RFC 9110 §13.1.1), would never match, and a service that compares texts would not answer 304. So each weak
/// tag goes upstream in its strong form as well. `If-Range` stays: what a client has is a part of the compressed content,
/// and no part of the other fits it.
struct ConditionRestoration: Sendable {
    /// Whether the route keeps answers: its `If-None-Match` is the cache's matter.
    let isCached: Bool

    func restore(_ request: RequestView, _ rules: inout HeaderRules) {
        restore("if-match", "If-Match: ", request, &rules)
        if !isCached { restore("if-none-match", "If-None-Match: ", request, &rules) }
    }

    private func restore(
        _ name: StaticString, _ field: StaticString, _ request: RequestView, _ rules: inout HeaderRules
    ) {
        var tags: [UInt8] = []
        var hasWeak = false
        var isValid = true
        Nomination.forEachLine(in: request.bytes, headers: request.head.headers) { candidate, value, _ in
            guard candidate.equalsIgnoringCase(name) else { return }
            isValid = isValid && Self.read(value, &tags, &hasWeak)
        }
        guard hasWeak, isValid else { return }
        rules.removed.append(name.withUTF8Buffer { Array($0) })
        field.withUTF8Buffer { rules.lines += $0 }
        rules.lines += tags
        rules.lines += [ASCII.carriageReturn, ASCII.lineFeed]
    }

    /// Adds the tags of a list (RFC 9110 §8.8.3), weak ones in both forms.
    /// - Returns: false for what is no list of tags.
    private static func read(_ value: UnsafeRawBufferPointer, _ tags: inout [UInt8], _ hasWeak: inout Bool) -> Bool {
        var index = 0
        while index < value.count {
            let byte = value[index]
            if byte == ASCII.space || byte == ASCII.tab || byte == ASCII.comma {
                index += 1
                continue
            }
            let start = index
            let isWeak = byte == 0x57 && index + 1 < value.count && value[index + 1] == ASCII.slash
            if isWeak { index += 2 }
            guard index < value.count, value[index] == ASCII.quote else { return false }
            let opaque = index
            index += 1
            while index < value.count, value[index] != ASCII.quote { index += 1 }
            guard index < value.count else { return false }
            index += 1
            if !tags.isEmpty { tags += [ASCII.comma, ASCII.space] }
            tags += value[start..<index]
            if isWeak {
                hasWeak = true
                tags += [ASCII.comma, ASCII.space]
                tags += value[opaque..<index]
            }
        }
        return true
    }
}
