import MartletCore
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
            for element in EntityTags(value) where isValid {
                guard case .tag(let opaque, let isWeak) = element else {
                    isValid = false
                    return
                }
                append(opaque, isWeak: isWeak)
                // Beside the weak tag, its strong form.
                if isWeak {
                    hasWeak = true
                    append(opaque, isWeak: false)
                }
            }
        }

        private mutating func append(_ opaque: Slice<UnsafeRawBufferPointer>, isWeak: Bool) {
            if !tags.isEmpty { tags += [ASCII.comma, ASCII.space] }
            if isWeak { tags += "W/".utf8 }
            tags += opaque
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
