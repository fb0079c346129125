import MartletCore
import NIOCore

/// Log texts for failed exchanges with an upstream.
enum UpstreamFault {
    /// Why a connection that ended during an exchange failed it.
    /// - Parameters:
    ///   - received: the bytes of the body received.
    ///   - expected: the announced length of the body; nil when the head gave none.
    static func ended(
        inBody: Bool, hasBytes: Bool, received: Int, expected: Int?, isReset: Bool
    ) -> String {
        let how = isReset ? "reset" : "closed"
        guard inBody else { return hasBytes ? "\(how) in the middle of a head" : "\(how) without a response" }
        guard let expected else { return "\(how) after \(received) bytes of a chunked body" }
        return "\(how) after \(received) of \(expected) bytes"
    }

    /// How the upstream violated the protocol.
    static func broken(_ error: HTTPError) -> String {
        error.problem.detail ?? "\(error)"
    }
}
