import Crypto
import Foundation
import MartletCore

/// What a session is continued with: 256 random bits that say nothing by themselves. Only its digest is stored, so
/// whoever reads the database cannot use it. Logs do not show it.
struct RefreshToken: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    let text: String

    /// A new one.
    init() { text = SecureRandom.text(bytes: 32) }

    /// One that a client presents, whatever it is.
    init(presented text: String) { self.text = text }

    /// SHA-256 in hexadecimal. The token has too many values to be guessed, so a fast digest will do.
    var digest: String {
        Hexadecimal.text(SHA256.hash(data: Data(text.utf8)))
    }

    var description: String { "(refresh token)" }
    var debugDescription: String { description }
}
