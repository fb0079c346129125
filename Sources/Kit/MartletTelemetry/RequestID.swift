/// The id that ties a client's answer, the logs of every service and the problem details together.
public enum RequestID {
    /// A new id: 128 random bits as 32 hexadecimal digits.
    public static func make() -> String {
        TraceContext.make().traceIDText
    }

    /// Whether an id that a caller sent may be kept: 1 to 64 of `A-Z a-z 0-9 . _ -`, so that it can be logged and
    /// echoed as it is.
    public static func isValid(_ text: some StringProtocol) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}
