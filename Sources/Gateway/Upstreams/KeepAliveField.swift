import NIOCore

/// The idle limit that an upstream announces: `Keep-Alive: timeout=5, max=100` (RFC 2068 §19.7.1, still sent by many
/// servers).
enum KeepAliveField {
    /// How long the connection may be idle. Less than the announced limit, since the upstream's clock started earlier
    /// and a request takes time to arrive.
    /// - Returns: nil without a timeout.
    static func idle(_ value: UnsafeRawBufferPointer) -> TimeAmount? {
        var result: TimeAmount?
        ListElements.forEach(in: value) { element in
            guard result == nil, element.count > name.utf8CodeUnitCount,
                UnsafeRawBufferPointer(rebasing: element[..<name.utf8CodeUnitCount]).equalsIgnoringCase(name)
            else { return }
            var seconds: Int64 = 0
            for byte in element[name.utf8CodeUnitCount...] {
                guard (ASCII.zero...ASCII.nine).contains(byte) else { return }
                // A day is as good as unlimited.
                seconds = min(86_400, seconds * 10 + Int64(byte - ASCII.zero))
            }
            let said = TimeAmount.seconds(seconds)
            result = said - min(.seconds(1), .nanoseconds(said.nanoseconds / 2))
        }
        return result
    }

    private static let name: StaticString = "timeout="
}
