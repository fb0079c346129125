import NIOCore

/// Writes a request target as RFC 3986 has it where browsers and people do not (the WHATWG URL standard lets `|`, `^` and
/// others pass, a lone `%` in a query, and command lines send UTF-8 as it is): percent-encoded, so that there is one
/// form of it everywhere behind. Pure.
enum TargetRepair {
    /// What a path may hold besides when it is encoded. Not `\`, `#` and the space: what they mean is not certain.
    private static let pathExtra = Set("\"<>[]^`{|}".utf8)
    private static let queryExtra = Set("\"<>".utf8)

    /// - Returns: nil when nothing is to be repaired, or can be.
    static func repaired(_ target: UnsafeRawBufferPointer) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(target.count + target.count / 4)
        var isQuery = false
        var isChanged = false
        for (index, byte) in target.enumerated() {
            if byte == ASCII.questionMark { isQuery = true }
            let isEncoded: Bool
            if byte == ASCII.percent {
                isEncoded = isQuery && !startsTriplet(target, index)
            } else if byte >= 0x80 || (isQuery ? queryExtra : pathExtra).contains(byte) {
                isEncoded = true
            } else {
                isEncoded = false
            }
            if isEncoded {
                isChanged = true
                result += [ASCII.percent, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            } else {
                result.append(byte)
            }
        }
        return isChanged ? result : nil
    }

    private static func startsTriplet(_ target: UnsafeRawBufferPointer, _ index: Int) -> Bool {
        index + 2 < target.count && ASCII.hexadecimalValue(target[index + 1]) != nil
            && ASCII.hexadecimalValue(target[index + 2]) != nil
    }

    private static let digits = Array("0123456789ABCDEF".utf8)
}

extension RequestHead {
    /// The request's bytes with its target repaired, if that is what is wrong with it.
    func repairingTarget(of bytes: ByteBuffer) -> ByteBuffer? {
        guard hasUnusualTarget else { return nil }
        let repaired = bytes.withUnsafeReadableBytes { raw -> [UInt8]? in
            do throws(HTTPError) {
                _ = try RequestTarget(raw, target, method: method)
                return nil
            } catch {
                return TargetRepair.repaired(raw.slice(target))
            }
        }
        guard let repaired else { return nil }
        var result = ByteBuffer()
        result.reserveCapacity(bytes.readableBytes + repaired.count)
        let view = bytes.readableBytesView
        result.writeBytes(view.prefix(target.start))
        result.writeBytes(repaired)
        result.writeBytes(view.dropFirst(target.end))
        return result
    }
}
