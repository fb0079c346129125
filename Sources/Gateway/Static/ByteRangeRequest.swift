import MartletCore
/// The part that a `Range` field requests (RFC 9110 §14.2).
enum ByteRangeRequest: Equatable {
    /// The whole content: there is no range, or one that is not supported. This includes multiple ranges, which a
    /// server may ignore (§14.2) and which have been used for denial of service.
    case whole
    case part(Range<Int>)
    /// No byte of the range exists.
    case unsatisfiable

    /// - Parameter size: the size of the whole content, in bytes.
    init(_ value: String?, size: Int) {
        self = .whole
        guard let value, value.lowercased().hasPrefix("bytes=") else { return }
        let ends = value.dropFirst("bytes=".count).split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2 else { return }
        switch (Self.number(ends[0]), Self.number(ends[1])) {
        case (let first?, let last?) where first <= last:
            self = first < size ? .part(first..<min(last, size - 1) + 1) : .unsatisfiable
        case (let first?, nil) where ends[1].isEmpty:
            self = first < size ? .part(first..<size) : .unsatisfiable
        case (nil, let count?) where ends[0].isEmpty:
            self = count > 0 && size > 0 ? .part(size - min(count, size)..<size) : .unsatisfiable
        default: break
        }
    }

    /// Digits only; a number that is too large counts as the largest.
    private static func number(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (ASCII.zero...ASCII.nine).contains($0) }) else { return nil }
        return Int(text) ?? Int.max - 1
    }
}

/// Evaluates the conditional fields of a request (RFC 9110 §13.2.2).
enum Preconditions {
    enum Outcome { case proceed, notModified, failed }

    /// - Parameters:
    ///   - etag: strong, with its quotes.
    ///   - modified: seconds since 1970.
    ///   - header: returns the value of a field.
    static func check(etag: String, modified: Int64, header: (StaticString) -> String?) -> Outcome {
        if let tags = header("if-match") {
            guard EntityTags.contain(tags, etag, isStrong: true) else { return .failed }
        } else if let date = header("if-unmodified-since").flatMap({ HTTPDate.parse($0) }), modified > date {
            return .failed
        }
        if let tags = header("if-none-match") {
            return EntityTags.contain(tags, etag, isStrong: false) ? .notModified : .proceed
        }
        if let date = header("if-modified-since").flatMap({ HTTPDate.parse($0) }), modified <= date {
            return .notModified
        }
        return .proceed
    }

    /// Whether the `If-Range` condition permits a part (RFC 9110 §13.1.5).
    static func allowsRange(etag: String, modified: Int64, ifRange: String?) -> Bool {
        guard let ifRange else { return true }
        return ifRange.utf8.first == ASCII.quote
            ? ifRange.utf8.elementsEqual(etag.utf8) : HTTPDate.parse(ifRange) == modified
    }
}
