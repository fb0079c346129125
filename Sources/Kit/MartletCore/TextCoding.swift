// Coding of values as a single string.

extension Decoder {
    /// - Parameters:
    ///   - problem: the description of the error for an invalid text.
    ///   - read: parses the value; nil for an invalid text.
    func text<Value>(orSay problem: String, _ read: (String) -> Value?) throws -> Value {
        let container = try singleValueContainer()
        guard let value = try read(container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: problem)
        }
        return value
    }
}

extension Encoder {
    func text(_ text: String) throws {
        var container = singleValueContainer()
        try container.encode(text)
    }
}
