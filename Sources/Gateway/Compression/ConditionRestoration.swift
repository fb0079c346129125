/// Restores the conditional fields that compression would break.
///
/// A compressed response has a weak `ETag` where the service's is strong. Sent back in `If-Match`, which compares
/// strongly (RFC 9110 §13.1.1), it would never match, and a service that compares strings would not answer 304. So each
/// weak tag is sent upstream in its strong form as well. `If-Range` stays unchanged: a client that has part of the
/// compressed content cannot use a part of the other.
struct ConditionRestoration: Sendable {
    /// Whether the route caches responses; then the cache evaluates `If-None-Match`.
    let isCached: Bool

    func restore(_ request: RequestView, _ rules: inout HeaderRules) {
        var (match, noneMatch) = (TagList(), TagList())
        Nomination.forEachLine(in: request.bytes, headers: request.head.headers) { name, value, _ in
            if name.equalsIgnoringCase("if-match") {
                match.read(value)
            } else if !isCached, name.equalsIgnoringCase("if-none-match") {
                noneMatch.read(value)
            }
        }
        match.replace("If-Match", &rules)
        noneMatch.replace("If-None-Match", &rules)
    }

    /// The tags of a field, weak ones in both forms.
    private struct TagList {
        private var tags: [UInt8] = []
        private var hasWeak = false
        private var isValid = true

        /// Reads one line of the field (RFC 9110 §8.8.3).
        mutating func read(_ value: UnsafeRawBufferPointer) {
            var index = 0
            while isValid, index < value.count {
                let byte = value[index]
                if byte == ASCII.space || byte == ASCII.tab || byte == ASCII.comma {
                    index += 1
                    continue
                }
                let start = index
                let isWeak = byte == 0x57 && index + 1 < value.count && value[index + 1] == ASCII.slash
                if isWeak { index += 2 }
                let opaque = index
                guard let end = Self.end(of: opaque, in: value) else {
                    isValid = false
                    return
                }
                index = end
                if !tags.isEmpty { tags += [ASCII.comma, ASCII.space] }
                tags += value[start..<end]
                if isWeak {
                    hasWeak = true
                    tags += [ASCII.comma, ASCII.space]
                    tags += value[opaque..<end]
                }
            }
        }

        /// The end of the quoted string that starts here; nil if none does.
        private static func end(of start: Int, in value: UnsafeRawBufferPointer) -> Int? {
            guard start < value.count, value[start] == ASCII.quote else { return nil }
            return value[(start + 1)...].firstIndex(of: ASCII.quote).map { $0 + 1 }
        }

        /// Replaces the field, unless it has no weak tag or is malformed.
        func replace(_ name: String, _ rules: inout HeaderRules) {
            guard hasWeak, isValid else { return }
            rules.removed.append(Array(name.lowercased().utf8))
            rules.lines += name.utf8
            rules.lines += [ASCII.colon, ASCII.space]
            rules.lines += tags
            rules.lines += [ASCII.carriageReturn, ASCII.lineFeed]
        }
    }
}
