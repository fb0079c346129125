import MartletCore
import NIOCore

/// What is said about an upstream that gave no whole answer.
enum UpstreamFault {
    /// Why a connection that ended in the middle of an exchange was of no use.
    /// - Parameters:
    ///   - received: bytes of the body.
    ///   - expected: how many there should have been; nil when the head did not say.
    static func ended(
        inBody: Bool, hasBytes: Bool, received: Int, expected: Int?, isReset: Bool
    ) -> String {
        let how = isReset ? "reset" : "closed"
        guard inBody else { return hasBytes ? "\(how) in the middle of a head" : "\(how) without an answer" }
        guard let expected else { return "\(how) after \(received) bytes of a body in chunks" }
        return "\(how) after \(received) of \(expected) bytes"
    }

    /// What the upstream did wrong.
    static func broken(_ error: HTTPError) -> String {
        error.problem.detail ?? "\(error)"
    }
}
