import NIOCore
import NIOHPACK

/// The validated pseudo-header fields of a request (RFC 9113 §8.3.1), written as HTTP/1.1 request line and `Host`.
struct HTTP2RequestLine {
    let method: String
    let authority: String?
    private let target: String

    init(_ headers: HPACKHeaders) throws(HTTP2RequestTranslator.Malformed) {
        var (method, scheme, authority, path): (String?, String?, String?, String?)
        var hasFields = false
        for (name, value, _) in headers {
            guard name.utf8.first == ASCII.colon else {
                hasFields = true
                continue
            }
            // They precede all other fields, each at most once.
            guard !hasFields, value.utf8.allSatisfy({ $0 > ASCII.space && $0 != 0x7F }) else { throw .pseudoHeader }
            switch name {
            case ":method" where method == nil: method = value
            case ":scheme" where scheme == nil: scheme = value
            case ":authority" where authority == nil: authority = value
            case ":path" where path == nil: path = value
            default: throw .pseudoHeader
            }
        }
        guard let method, !method.isEmpty, method.utf8.allSatisfy(ASCIISet.token.contains), authority != "" else {
            throw .pseudoHeader
        }
        self.method = method
        self.authority = authority
        if method == "CONNECT" {
            // RFC 9113 §8.5. Refused later, like any method that the gateway does not support.
            guard scheme == nil, path == nil, let authority else { throw .pseudoHeader }
            target = authority
        } else {
            guard let path, scheme == "http" || scheme == "https" else { throw .pseudoHeader }
            guard path.utf8.first == ASCII.slash || (path == "*" && method == "OPTIONS") else { throw .pseudoHeader }
            target = path
        }
    }

    func write(to out: inout ByteBuffer) {
        out.writeString(method)
        out.writeInteger(ASCII.space)
        out.writeBytes(HTTP2Text.bytes(target))
        out.writeStaticString(" HTTP/1.1\r\n")
        if let authority { HTTP2Field.write("host", authority, to: &out) }
    }
}

/// The grammar of a field (RFC 9113 §8.2).
enum HTTP2Field {
    /// A token in lower case.
    static func isValidName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.allSatisfy { ASCIISet.token.contains($0) && $0 &- 0x41 >= 26 }
    }

    /// Nothing that could end a line, and no surrounding whitespace. The head parser refuses other control bytes.
    static func isValidValue(_ value: String) -> Bool {
        func isBlank(_ byte: UInt8?) -> Bool { byte == ASCII.space || byte == ASCII.tab }
        let bytes = value.utf8
        return !isBlank(bytes.first) && !isBlank(bytes.last)
            && bytes.allSatisfy { $0 != 0 && $0 != ASCII.carriageReturn && $0 != ASCII.lineFeed }
    }

    static func write(_ name: String, _ value: String, to out: inout ByteBuffer) {
        out.writeString(name)
        out.writeStaticString(": ")
        out.writeBytes(HTTP2Text.bytes(value))
        out.writeStaticString("\r\n")
    }
}

extension String {
    /// Gives access to the string's UTF-8 bytes in place.
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        var copy = self
        return copy.withUTF8 { body(UnsafeRawBufferPointer($0)) }
    }
}
