/// One way to reach a method over HTTP.
package struct Binding: Sendable {
    enum Body: Sendable {
        /// What the request carries is not read.
        case none
        /// It is the request message.
        case message
        /// It is one field of it.
        case field(MessageSchema.Field)
    }

    struct Variable: Sendable {
        /// From the request message on; the last is the field that is set.
        let path: [MessageSchema.Field]
        /// The segments of the path whose text is the value.
        let segments: Range<Int>
        /// Whether it spans more than one, and so keeps the slashes between them.
        let isLong: Bool
        /// Whether it goes on to the end of the path.
        let isOpen: Bool
    }

    /// `/package.Service/Method`.
    package let methodPath: String
    /// Whether the answer is a stream of messages.
    package let isStreaming: Bool
    let input: Int
    let output: Int
    let variables: [Variable]
    let body: Body
    /// The field that is the answer; the whole message when nil.
    let responseBody: String?

    /// Whether a request's body is read at all.
    package var readsBody: Bool { if case .none = body { false } else { true } }
}

/// A request whose method and path have found their binding.
package struct BoundRequest: Sendable {
    package let binding: Binding
    let segments: [[UInt8]]
}
