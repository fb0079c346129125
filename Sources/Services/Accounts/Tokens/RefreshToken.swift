import Crypto
import Foundation
import MartletCore

/// A refresh token: 256 random bits without meaning. Only its digest is stored, so a copy of the database does not
/// reveal it. Its description hides it from logs.
struct RefreshToken: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    let text: String

    /// Generates a token.
    init() { text = SecureRandom.text(bytes: 32) }

    /// Wraps a token presented by a client, valid or not.
    init(presented text: String) { self.text = text }

    /// The SHA-256 in hexadecimal. A fast digest suffices, because the token cannot be guessed.
    var digest: String {
        Hexadecimal.text(SHA256.hash(data: Data(text.utf8)))
    }

    var description: String { "(refresh token)" }
    var debugDescription: String { description }
}
