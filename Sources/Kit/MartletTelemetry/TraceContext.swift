import MartletCore
/// The position of a request in its distributed trace (W3C Trace Context, version 00, levels 1 and 2).
public struct TraceContext: Sendable, Hashable {
    /// 16 bytes, not all zero.
    public let traceID: Identifier128
    /// 8 bytes, not zero: the span of the sender.
    public let spanID: UInt64
    /// Whether the caller recorded its span.
    public let isSampled: Bool
    /// Whether the trace id is flagged as random (level 2 §2.3.2).
    public let isRandom: Bool

    public struct Identifier128: Sendable, Hashable {
        let high: UInt64
        let low: UInt64
    }

    /// Starts a new trace.
    public static func make() -> TraceContext {
        TraceContext(
            traceID: Identifier128(high: Identifiers.next(), low: Identifiers.next()), spanID: Identifiers.next(),
            isSampled: false, isRandom: false)
    }

    /// Returns the same span with another sampled flag.
    public func sampled(_ isSampled: Bool) -> TraceContext {
        TraceContext(traceID: traceID, spanID: spanID, isSampled: isSampled, isRandom: isRandom)
    }

    /// Returns a new span in the same trace.
    public func child() -> TraceContext {
        TraceContext(traceID: traceID, spanID: Identifiers.next(), isSampled: isSampled, isRandom: isRandom)
    }

    /// The trace's id as 32 hexadecimal digits.
    public var traceIDText: String { Hexadecimal.text(traceID.high) + Hexadecimal.text(traceID.low) }

    /// The span's id as 16 hexadecimal digits.
    public var spanIDText: String { Hexadecimal.text(spanID) }

    /// The value of the `traceparent` header.
    public var header: String {
        "00-\(traceIDText)-\(spanIDText)-0\((isSampled ? 1 : 0) + (isRandom ? 2 : 0))"
    }
}

extension TraceContext {
    /// Reads a `traceparent`. Returns nil for an invalid value, in which case the receiver must start a new trace.
    public init?(traceparent: some StringProtocol) {
        self.init(traceparent: traceparent.utf8)
    }

    public init?(traceparent: some Collection<UInt8>) {
        let parts = traceparent.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.count >= 4, let version = number(parts[0], digits: 2), version != 0xFF,
            // Version 00 has exactly four parts; later ones may append more.
            version > 0 || parts.count == 4,
            parts[1].count == 32, let high = number(parts[1].prefix(16), digits: 16),
            let low = number(parts[1].suffix(16), digits: 16), high | low != 0,
            let span = number(parts[2], digits: 16), span != 0,
            let flags = number(parts[3], digits: 2)
        else { return nil }
        self.init(
            traceID: Identifier128(high: high, low: low), spanID: span, isSampled: flags & 1 == 1,
            isRandom: flags & 2 == 2)
    }
}

/// Reads hexadecimal digits, in lower case only, as the specification requires.
private func number(_ bytes: some Collection<UInt8>, digits: Int) -> UInt64? {
    guard bytes.count == digits else { return nil }
    var value: UInt64 = 0
    for byte in bytes {
        guard let digit = Hexadecimal.value(byte), Hexadecimal.digit(digit) == byte else { return nil }
        value = value << 4 | UInt64(digit)
    }
    return value
}
