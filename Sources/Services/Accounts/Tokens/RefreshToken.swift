import Crypto
import Foundation

/// What a session is continued with: 256 random bits that say nothing by themselves. Only its digest is stored, so
/// whoever reads the database cannot use it. Logs do not show it.
struct RefreshToken: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    let text: String

    /// A new one.
    init() { text = randomText(bytes: 32) }

    /// One that a client presents, whatever it is.
    init(presented text: String) { self.text = text }

    /// SHA-256 in hexadecimal. The token has too many values to be guessed, so a fast digest will do.
    var digest: String {
        SHA256.hash(data: Data(text.utf8)).map { byte in
            let digits = String(byte, radix: 16)
            return byte < 16 ? "0" + digits : digits
        }.joined()
    }

    var description: String { "(refresh token)" }
    var debugDescription: String { description }
}

/// Random bytes of the system's generator in base64url (RFC 4648 §5), without padding.
func randomText(bytes count: Int) -> String {
    var generator = SystemRandomNumberGenerator()
    return base64URL((0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
}

func base64URL(_ bytes: some Sequence<UInt8>) -> String {
    Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
}
