import CArgon2
import Foundation
import MartletCore
import MartletSystem

/// Argon2id (RFC 9106) through libargon2, in the PHC string format: `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`.
///
/// Slow by design: call it on ``HashingThreads`` only.
enum Argon2 {
    /// An error of the library.
    struct Failure: Error, CustomStringConvertible {
        let code: Int32

        var description: String {
            "argon2: " + (argon2_error_message(code).map { String(cString: $0) } ?? "error \(code)")
        }
    }

    private static let saltLength = 16
    private static let hashLength = 32

    static func hash(_ password: String, cost: PasswordCost) throws(Failure) -> String {
        let salt = SecureRandom.bytes(saltLength)
        var hash = [UInt8](repeating: 0, count: hashLength)
        let code = withContext(password, salt, cost, &hash) { argon2id_ctx(&$0) }
        guard code == ARGON2_OK.rawValue else { throw Failure(code: code) }
        return EncodedHash(cost: cost, salt: salt, hash: hash).text
    }

    /// Verifies a password. The library compares in constant time.
    static func verify(_ password: String, against encoded: String) throws(Failure) -> Bool {
        guard let known = EncodedHash(encoded) else { throw Failure(code: ARGON2_DECODING_FAIL.rawValue) }
        var hash = [UInt8](repeating: 0, count: known.hash.count)
        let expected = known.hash.map { CChar(bitPattern: $0) }
        let code = withContext(password, known.salt, known.cost, &hash) { argon2id_verify_ctx(&$0, expected) }
        switch code {
        case ARGON2_OK.rawValue: return true
        case ARGON2_VERIFY_MISMATCH.rawValue: return false
        default: throw Failure(code: code)
        }
    }

    /// The cost of a hash; nil when it is not an Argon2id hash of the current version.
    static func cost(of encoded: String) -> PasswordCost? { EncodedHash(encoded)?.cost }

    private static func withContext(
        _ password: String, _ salt: [UInt8], _ cost: PasswordCost, _ hash: inout [UInt8],
        _ body: (inout argon2_context) -> Int32
    ) -> Int32 {
        var password = Array(password.utf8)
        var salt = salt
        return password.withUnsafeMutableBufferPointer { password in
            salt.withUnsafeMutableBufferPointer { salt in
                hash.withUnsafeMutableBufferPointer { hash in
                    var context = argon2_context()
                    context.out = hash.baseAddress
                    context.outlen = UInt32(clamping: hash.count)
                    context.pwd = password.baseAddress
                    context.pwdlen = UInt32(clamping: password.count)
                    context.salt = salt.baseAddress
                    context.saltlen = UInt32(clamping: salt.count)
                    context.t_cost = cost.iterations
                    context.m_cost = cost.memory
                    context.lanes = cost.parallelism
                    context.threads = 1
                    context.version = UInt32(ARGON2_VERSION_13.rawValue)
                    context.allocate_cbk = allocate
                    context.free_cbk = free
                    return body(&context)
                }
            }
        }
    }

    // Allocate from the system and return the memory to it: malloc would retain 19 MiB per thread.

    private static let allocate: @convention(c) (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?, Int) -> Int32 = {
        result, size in
        let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let memory, memory != MAP_FAILED else { return ARGON2_MEMORY_ALLOCATION_ERROR.rawValue }
        result?.pointee = memory.assumingMemoryBound(to: UInt8.self)
        return ARGON2_OK.rawValue
    }

    private static let free: @convention(c) (UnsafeMutablePointer<UInt8>?, Int) -> Void = { memory, size in
        if let memory { munmap(memory, size) }
    }
}

/// A hash in the PHC string format.
private struct EncodedHash {
    let cost: PasswordCost
    let salt: [UInt8]
    let hash: [UInt8]

    init(cost: PasswordCost, salt: [UInt8], hash: [UInt8]) {
        self.cost = cost
        self.salt = salt
        self.hash = hash
    }

    init?(_ encoded: String) {
        let parts = encoded.split(separator: "$")
        guard parts.count == 5, parts[0] == "argon2id", parts[1] == "v=19" else { return nil }
        var values: [Substring: UInt32] = [:]
        for parameter in parts[2].split(separator: ",") {
            let pair = parameter.split(separator: "=")
            guard pair.count == 2, let value = UInt32(pair[1]) else { return nil }
            values[pair[0]] = value
        }
        guard let memory = values["m"], let iterations = values["t"], let parallelism = values["p"],
            let salt = Self.bytes(parts[3]), let hash = Self.bytes(parts[4])
        else { return nil }
        self.init(
            cost: PasswordCost(memory: memory, iterations: iterations, parallelism: parallelism), salt: salt, hash: hash
        )
    }

    var text: String {
        let cost = "m=\(cost.memory),t=\(cost.iterations),p=\(cost.parallelism)"
        return "$argon2id$v=19$\(cost)$\(Self.text(salt))$\(Self.text(hash))"
    }

    /// Base64 without padding.
    private static func text(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("=", with: "")
    }

    private static func bytes(_ text: Substring) -> [UInt8]? {
        let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        return Data(base64Encoded: text + padding).map(Array.init)
    }
}
