/// The id that connects a response, the logs of every service and the problem details.
public enum RequestID {
    /// Generates an id: 128 pseudorandom bits as 32 hexadecimal digits.
    public static func make() -> String {
        TraceContext.make().traceIDText
    }

    /// Whether an id sent by a caller is accepted: 1 to 64 characters of `A-Z a-z 0-9 . _ -`, so that it can be logged
    /// and echoed unchanged.
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
