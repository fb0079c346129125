import CArgon2

/// Argon2id through libargon2, in the PHC string format: `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`.
enum Argon2 {
    /// What the library refused, in its own words.
    struct Failure: Error, CustomStringConvertible {
        let code: Int32

        var description: String {
            "argon2: " + (argon2_error_message(code).map { String(cString: $0) } ?? "error \(code)")
        }
    }

    private static let saltLength = 16
    private static let hashLength = 32

    /// Slow on purpose: call it on ``HashingThreads`` only.
    static func hash(_ password: String, cost: PasswordCost) throws(Failure) -> String {
        var generator = SystemRandomNumberGenerator()
        let salt = (0..<saltLength).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let length = argon2_encodedlen(
            cost.iterations, cost.memory, cost.parallelism, UInt32(saltLength), UInt32(hashLength), Argon2_id)
        var encoded = [CChar](repeating: 0, count: length)
        let bytes = Array(password.utf8)
        let code = argon2id_hash_encoded(
            cost.iterations, cost.memory, cost.parallelism, bytes, bytes.count, salt, salt.count, hashLength, &encoded,
            encoded.count)
        guard code == ARGON2_OK.rawValue else { throw Failure(code: code) }
        return String(decoding: encoded.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Slow on purpose: call it on ``HashingThreads`` only. Compares in constant time.
    static func verify(_ password: String, against encoded: String) throws(Failure) -> Bool {
        let bytes = Array(password.utf8)
        switch argon2id_verify(encoded, bytes, bytes.count) {
        case ARGON2_OK.rawValue: return true
        case ARGON2_VERIFY_MISMATCH.rawValue: return false
        case let code: throw Failure(code: code)
        }
    }

    /// The cost with which a hash was made; nil for what is not Argon2id of the current version.
    static func cost(of encoded: String) -> PasswordCost? {
        let parts = encoded.split(separator: "$")
        guard parts.count == 5, parts[0] == "argon2id", parts[1] == "v=19" else { return nil }
        var values: [Substring: UInt32] = [:]
        for parameter in parts[2].split(separator: ",") {
            let pair = parameter.split(separator: "=")
            guard pair.count == 2, let value = UInt32(pair[1]) else { return nil }
            values[pair[0]] = value
        }
        guard let memory = values["m"], let iterations = values["t"], let parallelism = values["p"] else { return nil }
        return PasswordCost(memory: memory, iterations: iterations, parallelism: parallelism)
    }
}
