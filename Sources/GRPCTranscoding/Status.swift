/// The outcome of a gRPC call.
package struct GRPCStatus: Equatable, Sendable {
    package static let ok = 0
    package static let unknown = 2
    package static let deadlineExceeded = 4
    package static let unavailable = 14

    /// 0 to 16; other codes become ``unknown``.
    package let code: Int
    package let message: String

    package init(code: Int, message: String = "") {
        self.code = (0...16).contains(code) ? code : Self.unknown
        self.message = message
    }

    /// - Parameters:
    ///   - code: the value of `grpc-status`.
    ///   - message: the value of `grpc-message`, percent-encoded.
    package init(code: some StringProtocol, message: some StringProtocol) {
        let isNumber = (1...3).contains(code.utf8.count) && code.utf8.allSatisfy(Fraction.isDigit)
        self.init(
            code: isNumber ? Int(code) ?? Self.unknown : Self.unknown,
            message: EnvoyPercentEncoding.decode(Array(message.utf8)) ?? "")
    }

    /// The equivalent HTTP status, as in Envoy's transcoder.
    package var httpStatus: Int {
        switch code {
        case 0: 200
        case 1: 499
        case 3, 9, 11: 400
        case 4: 504
        case 5: 404
        case 6, 10: 409
        case 7: 403
        case 8: 429
        case 12: 501
        case 14: 503
        case 16: 401
        default: 500
        }
    }

    /// The name of the code in snake case, such as `not_found` for 5.
    package var name: String {
        let names = [
            "ok", "cancelled", "unknown", "invalid_argument", "deadline_exceeded", "not_found", "already_exists",
            "permission_denied", "resource_exhausted", "failed_precondition", "aborted", "out_of_range",
            "unimplemented", "internal", "unavailable", "data_loss", "unauthenticated",
        ]
        return names.indices.contains(code) ? names[code] : "unknown"
    }
}
