/// `Content-Length` (RFC 9110 §8.6): digits only. Lists and signs are ambiguous and refused.
enum ContentLength {
    /// The leading zeros, which are not passed on because some servers read them as an octal prefix.
    static func leadingZeros(_ bytes: UnsafeRawBufferPointer) -> Int {
        min(bytes.prefix { $0 == ASCII.zero }.count, max(0, bytes.count - 1))
    }

    static func parse(_ bytes: UnsafeRawBufferPointer) throws(HTTPError) -> Int {
        guard !bytes.isEmpty, bytes.count <= 19 else { throw .invalidContentLength }
        var value = 0
        for byte in bytes {
            guard (ASCII.zero...ASCII.nine).contains(byte) else { throw .invalidContentLength }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowed) = product.addingReportingOverflow(Int(byte - ASCII.zero))
            guard !overflow, !overflowed else { throw .invalidContentLength }
            value = sum
        }
        return value
    }
}

/// `Host` and the authority of an absolute target (RFC 9110 §7.2, RFC 3986 §3.2.2), without user information.
enum Authority {
    static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        if bytes.first == ASCII.leftBracket {
            index = 1
            while index < bytes.count, ASCIISet.addressLiteral.contains(bytes[index]) { index += 1 }
            guard index > 3, index < bytes.count, bytes[index] == ASCII.rightBracket else { return false }
            index += 1
        } else {
            while index < bytes.count, ASCIISet.unreserved.contains(bytes[index]) { index += 1 }
            guard index > 0 else { return false }
        }
        guard index < bytes.count else { return index <= 259 }
        guard bytes[index] == ASCII.colon else { return false }
        var port = 0
        for byte in bytes[(index + 1)...] {
            guard (ASCII.zero...ASCII.nine).contains(byte) else { return false }
            port = port * 10 + Int(byte - ASCII.zero)
            guard port <= 65_535 else { return false }
        }
        return index <= 259 && bytes.count - index <= 6
    }
}

/// The value of a `Connection` field.
struct ConnectionOptions {
    private(set) var close = false
    private(set) var keepAlive = false
    private(set) var upgrade = false
    private(set) var others = false

    @inline(__always)
    init(_ value: UnsafeRawBufferPointer) {
        if value.equalsIgnoringCase("keep-alive") {
            keepAlive = true
        } else if value.equalsIgnoringCase("close") {
            close = true
        } else {
            ListElements.forEach(in: value) { element in
                if element.equalsIgnoringCase("close") {
                    close = true
                } else if element.equalsIgnoringCase("keep-alive") {
                    keepAlive = true
                } else if element.equalsIgnoringCase("upgrade") {
                    upgrade = true
                } else {
                    others = true
                }
            }
        }
    }
}

/// The elements of a comma-separated list without quoted strings (RFC 9110 §5.6.1). Empty elements are skipped.
enum ListElements {
    static func forEach(in value: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) {
        var start = 0
        while start <= value.count {
            var end = start
            while end < value.count, value[end] != ASCII.comma { end += 1 }
            var first = start
            var last = end
            while first < last, value[first] == ASCII.space || value[first] == ASCII.tab { first += 1 }
            while last > first, value[last - 1] == ASCII.space || value[last - 1] == ASCII.tab { last -= 1 }
            if first < last { body(UnsafeRawBufferPointer(rebasing: value[first..<last])) }
            start = end + 1
        }
    }
}

/// Removes the fields that `Connection` nominates (RFC 9110 §7.6.1).
///
/// Nominations can be used as an attack: they make a proxy drop fields that the next hop relies on. So protected fields
/// must not be nominated, and the number of nominations is bounded.
enum Nomination {
    static let maximumOptions = 32

    static func cut(
        in bytes: UnsafeRawBufferPointer, headers: ByteRange, protects: (UnsafeRawBufferPointer) -> Bool,
        cuts: inout [ByteRange]
    ) throws(HTTPError) {
        var nominated: [UnsafeRawBufferPointer] = []
        var isValid = true
        forEachLine(in: bytes, headers: headers) { name, value, _ in
            guard name.equalsIgnoringCase("connection") else { return }
            ListElements.forEach(in: value) { option in
                guard option.allSatisfy(ASCIISet.token.contains), !protects(option) else {
                    isValid = false
                    return
                }
                nominated.append(option)
            }
        }
        guard isValid, nominated.count <= maximumOptions else { throw .invalidConnectionOption }
        forEachLine(in: bytes, headers: headers) { name, _, line in
            guard nominated.contains(where: { areEqual($0, name) }) else { return }
            if !cuts.contains(where: { $0.start <= line.start && line.end <= $0.end }) { cuts.append(line) }
        }
        cuts.sort { $0.start < $1.start }
    }

    /// Iterates over validated field lines: name, value, whole line.
    static func forEachLine(
        in bytes: UnsafeRawBufferPointer, headers: ByteRange,
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer, ByteRange) -> Void
    ) {
        var scanner = LineScanner(start: headers.start)
        while case .line(let start, let end, let next) = scanner.next(in: bytes, limit: headers.end) {
            guard let line = try? HeaderLine(bytes, start, end) else { return }
            body(bytes.slice(ByteRange(start, line.nameEnd)), bytes.slice(line.value), ByteRange(start, next))
        }
    }

    private static func areEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        left.count == right.count
            && zip(left, right).allSatisfy { ASCII.lowercased($0) == ASCII.lowercased($1) }
    }
}
