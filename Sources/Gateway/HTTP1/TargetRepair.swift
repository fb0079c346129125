import MartletCore
import NIOCore

/// Percent-encodes characters in a request target that RFC 3986 forbids but clients send: browsers pass `|`, `^` and a
/// lone `%` in a query (WHATWG URL standard), and command-line tools send raw UTF-8. Upstreams then see a single form.
enum TargetRepair {
    /// - Returns: nil when there is nothing to encode.
    static func repaired(_ target: UnsafeRawBufferPointer) -> [UInt8]? {
        // Allocated on demand: most targets with a percent sign are valid.
        var result: [UInt8]?
        var isQuery = false
        for (index, byte) in target.enumerated() {
            if byte == ASCII.questionMark { isQuery = true }
            let isEncoded: Bool
            if byte == ASCII.percent {
                isEncoded = isQuery && !startsTriplet(target, index)
            } else {
                isEncoded = byte >= 0x80 || (isQuery ? ASCIISet.encodedInQuery : ASCIISet.encodedInPath).contains(byte)
            }
            guard isEncoded else {
                result?.append(byte)
                continue
            }
            if result == nil {
                result = Array(target.prefix(index))
                result?.reserveCapacity(target.count + target.count / 4)
            }
            result?.appendPercentEncoded(byte)
        }
        return result
    }

    private static func startsTriplet(_ target: UnsafeRawBufferPointer, _ index: Int) -> Bool {
        index + 2 < target.count && Hexadecimal.value(target[index + 1]) != nil
            && Hexadecimal.value(target[index + 2]) != nil
    }
}

extension RequestHead {
    /// The request's bytes with its target repaired, if the target is invalid and can be repaired.
    func repairingTarget(of bytes: ByteBuffer) -> ByteBuffer? {
        guard hasUnusualTarget else { return nil }
        let repaired = bytes.withUnsafeReadableBytes { raw -> [UInt8]? in
            guard let repaired = TargetRepair.repaired(raw.slice(target)) else { return nil }
            do throws(HTTPError) {
                _ = try RequestTarget(raw, target, method: method)
                return nil
            } catch {
                return repaired
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
