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
            var index = 0
            while index < value.count {
                while index < value.count, value[index] == ASCII.space || value[index] == ASCII.tab { index += 1 }
                let start = index
                while index < value.count, value[index] != ASCII.semicolon { index += 1 }
                let pair = UnsafeRawBufferPointer(rebasing: value[start..<index])
                index += 1
                guard pair.count > name.count, pair[name.count] == 0x3D, pair.starts(with: name) else { continue }
                var text = pair[(name.count + 1)...]
                while text.last == ASCII.space || text.last == ASCII.tab { text = text.dropLast() }
                if text.count >= 2, text.first == ASCII.quote, text.last == ASCII.quote {
                    text = text.dropFirst().dropLast()
                }
                if found == nil { found = UnsafeRawBufferPointer(rebasing: text) }
                count += 1
            }
        }
        guard let found else { return .none }
        return count == 1 ? .one(found) : .several(first: found)
    }
}
