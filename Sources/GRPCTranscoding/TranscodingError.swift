import MartletCore

/// Why a message cannot be carried from one form into the other.
package struct TranscodingError: Error, Equatable {
    /// Where: names of members and indices in lists, the outermost first.
    package var location: [String]
    /// What is wrong there, for people.
    package var reason: String

    /// Bytes of a name in ``location``: who sends a long one need not get it back.
    private static let longestName = 100

    init(_ reason: String, at location: [String] = []) {
        self.reason = reason
        self.location = location.map { name in
            guard name.utf8.count > Self.longestName else { return name }
            return String(decoding: name.utf8.prefix(Self.longestName), as: UTF8.self) + "…"
        }
    }

    /// The same, seen from one level further out.
    func within(_ name: String) -> TranscodingError {
        TranscodingError(reason, at: [name.clipped()] + location)
    }

    static let malformedMessage = TranscodingError("the bytes are no protobuf message")
}

/// Why a set of descriptors cannot be used.
package struct DescriptorError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
