import Crypto
import Foundation

/// A refresh token: 256 random bits without meaning. Only its digest is stored, so a copy of the database does not
/// reveal it. Its description hides it from logs.
struct RefreshToken: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    let text: String

    /// Generates a token.
    init() { text = randomText(bytes: 32) }

    /// Wraps a token presented by a client, valid or not.
    init(presented text: String) { self.text = text }

    /// The SHA-256 in hexadecimal. A fast digest suffices, because the token cannot be guessed.
    var digest: String {
        SHA256.hash(data: Data(text.utf8)).map { byte in
            let digits = String(byte, radix: 16)
            return byte < 16 ? "0" + digits : digits
        }.joined()
    }

    var description: String { "(refresh token)" }
    var debugDescription: String { description }
}

/// Returns random bytes from the system in base64url (RFC 4648 §5), without padding.
func randomText(bytes count: Int) -> String {
    var generator = SystemRandomNumberGenerator()
    return base64URL((0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
}

func base64URL(_ bytes: some Sequence<UInt8>) -> String {
    Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
}
