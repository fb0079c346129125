/// HMAC-SHA-256 (RFC 2104, FIPS 180-4) for forging tokens: slow, short, and independent of the platform's library.
enum HMAC {
    static func sha256(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        let key = (key.count > 64 ? SHA256.hash(key) : key) + [UInt8](repeating: 0, count: 64)
        let block = key.prefix(64)
        return SHA256.hash(block.map { $0 ^ 0x5C } + SHA256.hash(block.map { $0 ^ 0x36 } + message))
    }
}

private enum SHA256 {
    /// The first 32 bits of the fractional parts of a root of the first primes.
    private static func constants(_ count: Int, root: (Double) -> Double) -> [UInt32] {
        let primes = (2...).lazy.filter { number in !(2..<number).contains { number % $0 == 0 } }
        return primes.prefix(count).map { prime in
            let value = root(Double(prime))
            return UInt32((value - value.rounded(.down)) * 4_294_967_296)
        }
    }

    /// Newton's method. A double has enough precision.
    private static func cubeRoot(_ value: Double) -> Double {
        (0..<60).reduce(value) { guess, _ in (2 * guess + value / (guess * guess)) / 3 }
    }

    private static let initial = constants(8) { $0.squareRoot() }
    private static let rounds = constants(64, root: cubeRoot)

    static func hash(_ message: [UInt8]) -> [UInt8] {
        var bytes = message + [0x80]
        while bytes.count % 64 != 56 { bytes.append(0) }
        bytes += bigEndian(UInt64(message.count) * 8)
        var state = initial
        for start in stride(from: 0, to: bytes.count, by: 64) {
            compress(bytes[start..<(start + 64)], into: &state)
        }
        return state.flatMap { bigEndian($0) }
    }

    private static func compress(_ block: ArraySlice<UInt8>, into state: inout [UInt32]) {
        func rotated(_ word: UInt32, _ bits: UInt32) -> UInt32 { word >> bits | word << (32 - bits) }
        var words = stride(from: block.startIndex, to: block.endIndex, by: 4).map { index in
            block[index..<(index + 4)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        }
        for index in 16..<64 {
            let near = words[index - 2]
            let far = words[index - 15]
            let small = rotated(far, 7) ^ rotated(far, 18) ^ far >> 3
            words.append(
                words[index - 16] &+ small &+ words[index - 7] &+ (rotated(near, 17) ^ rotated(near, 19) ^ near >> 10))
        }
        var work = state
        for index in 0..<64 {
            let choice = work[4] & work[5] ^ ~work[4] & work[6]
            let large = rotated(work[4], 6) ^ rotated(work[4], 11) ^ rotated(work[4], 25)
            let first = work[7] &+ large &+ choice &+ rounds[index] &+ words[index]
            let majority = work[0] & work[1] ^ work[0] & work[2] ^ work[1] & work[2]
            let second = (rotated(work[0], 2) ^ rotated(work[0], 13) ^ rotated(work[0], 22)) &+ majority
            work = [first &+ second] + work.prefix(3) + [work[3] &+ first] + work[4..<7]
        }
        for index in 0..<8 { state[index] &+= work[index] }
    }

    private static func bigEndian<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
        stride(from: Value.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> Value($0)) }
    }
}
