import Crypto
import MartletCore
import NIOCore

/// A request with an `Idempotency-Key`.
struct IdempotencyClaim: Sendable {
    let userID: Int64
    /// The method and the path's template: `POST /api/products`. A key of another route is another key.
    let route: String
    let key: String
    /// The SHA-256 of everything by which the request differs from others on its route.
    let fingerprint: [UInt8]
    /// Identifies this attempt among all with the key, so that one that was overtaken cannot change the store.
    let token = Int64.random(in: .min ... .max)

    /// - Parameters:
    ///   - target: the request's path and query.
    ///   - headers: the header fields that the route's inputs are read from.
    init(
        userID: Int64, route: String, key: String, target: String, headers: [String: [String]], body: ByteBuffer?
    ) {
        self.userID = userID
        self.route = route
        self.key = key
        var hash = SHA256()
        func update(_ text: String) {
            // With its length, so that no two requests have the same text.
            hash.update(data: Array("\(text.utf8.count):".utf8))
            hash.update(data: Array(text.utf8))
        }
        update(target)
        for (name, values) in headers.sorted(by: { $0.key < $1.key }) {
            update(name)
            for value in values { update(value) }
        }
        body?.withUnsafeReadableBytes { hash.update(bufferPointer: $0) }
        fingerprint = Array(hash.finalize())
    }
}
