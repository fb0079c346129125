/// One HTTP binding of a gRPC method.
package struct Binding: Sendable {
    enum Body: Sendable {
        /// The request's body is not read.
        case none
        /// The body is the request message.
        case message
        /// The body is one field of the request message.
        case field(MessageSchema.Field)
    }

    struct Variable: Sendable {
        /// The fields from the request message to the one that is set.
        let path: [MessageSchema.Field]
        /// The path segments that form the value.
        let segments: Range<Int>
        /// Whether the value may span several segments and so keeps the slashes between them.
        let isLong: Bool
        /// Whether the value extends to the end of the path.
        let isOpen: Bool
    }

    /// `/package.Service/Method`.
    package let methodPath: String
    /// Whether the response is a stream of messages.
    package let isStreaming: Bool
    let input: Int
    let output: Int
    let variables: [Variable]
    let body: Body
    /// The field that is returned; the whole message when nil.
    let responseBody: String?

    /// Whether the request's body is read.
    package var readsBody: Bool { if case .none = body { false } else { true } }
}

/// A request matched to its binding.
package struct BoundRequest: Sendable {
    package let binding: Binding
    let segments: [[UInt8]]
}
