import MartletCore
/// Finds cookies (RFC 6265 §4.2), compared as bytes and in one pass.
extension RequestView {
    enum CookieValue {
        case none
        case one(UnsafeRawBufferPointer)
        /// Several cookies of that name. Servers disagree on which one counts.
        case several(first: UnsafeRawBufferPointer)
    }

    /// The value of a cookie.
    func cookies(_ name: [UInt8]) -> CookieValue {
        var found: UnsafeRawBufferPointer?
        var count = 0
        Nomination.forEachLine(in: bytes, headers: head.headers) { field, value, _ in
            guard field.equalsIgnoringCase("cookie") else { return }
            Cookies.forEachValue(of: name, in: value) { text in
                if found == nil { found = text }
                count += 1
            }
        }
        guard let found else { return .none }
        return count == 1 ? .one(found) : .several(first: found)
    }
}
