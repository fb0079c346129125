import MartletCore

/// Why a message head or body framing is refused (RFC 9112: ambiguity is rejected, never repaired).
enum HTTPError: Error, Equatable, Sendable {
    case bareLineFeed
    case invalidRequestLine
    case invalidMethod
    case unsupportedMethod
    case unsupportedVersion
    case invalidTarget
    case targetTooLong
    case headTooLarge
    case tooManyHeaders
    case invalidHeaderName
    case invalidHeaderValue
    case missingHost
    case duplicateHost
    case invalidHost
    case invalidContentLength
    case duplicateContentLength
    case invalidTransferEncoding
    case conflictingFraming
    case invalidConnectionOption
    case unsupportedExpectation
    case invalidStatusLine
    case invalidChunk
    case invalidTrailer

    /// The response to a request with this error.
    var problem: Problem {
        let detail: (status: Int, text: String) =
            switch self {
            case .bareLineFeed: (400, "A line does not end with CR LF.")
            case .invalidRequestLine: (400, "The request line is malformed.")
            case .invalidMethod: (400, "The method is malformed.")
            case .unsupportedMethod: (501, "The method is not supported.")
            case .unsupportedVersion: (505, "Only HTTP/1.0 and HTTP/1.1 are supported.")
            case .invalidTarget: (400, "The request target is malformed.")
            case .targetTooLong: (414, "The request target is too long.")
            case .headTooLarge: (431, "The header section is too large.")
            case .tooManyHeaders: (431, "There are too many header fields.")
            case .invalidHeaderName: (400, "A header field name is malformed.")
            case .invalidHeaderValue: (400, "A header field value contains a control character.")
            case .missingHost: (400, "The Host header is missing.")
            case .duplicateHost: (400, "There is more than one Host header.")
            case .invalidHost: (400, "The Host header is malformed.")
            case .invalidContentLength: (400, "The Content-Length header is malformed.")
            case .duplicateContentLength: (400, "There is more than one Content-Length header.")
            case .invalidTransferEncoding: (400, "Transfer-Encoding must be 'chunked'.")
            case .conflictingFraming: (400, "Content-Length and Transfer-Encoding cannot be combined.")
            case .invalidConnectionOption: (400, "The Connection header names a field that is not hop-by-hop.")
            case .unsupportedExpectation: (417, "Only the expectation '100-continue' is supported.")
            case .invalidStatusLine: (400, "The status line is malformed.")
            case .invalidChunk: (400, "The chunked body is malformed.")
            case .invalidTrailer: (400, "The trailer section is malformed.")
            }
        return Problem(status: detail.status, detail: detail.text, code: "invalid_request")
    }
}
