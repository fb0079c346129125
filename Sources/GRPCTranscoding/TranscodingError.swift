import MartletCore

/// Why a message cannot be transcoded.
package struct TranscodingError: Error, Equatable {
    /// The location: member names and list indices, the outermost first.
    package var location: [String]
    /// The reason, as a phrase for people.
    package var reason: String

    /// The longest name in ``location``, in bytes. Longer names from clients are cut off.
    private static let longestName = 100

    init(_ reason: String, at location: [String] = []) {
        self.reason = reason
        self.location = location.map { name in
            guard name.utf8.count > Self.longestName else { return name }
            return String(decoding: name.utf8.prefix(Self.longestName), as: UTF8.self) + "…"
        }
    }

    /// The same error, one level further out.
    func within(_ name: String) -> TranscodingError {
        TranscodingError(reason, at: [name.clipped()] + location)
    }

    static let malformedMessage = TranscodingError("the bytes are not a valid protobuf message")
}

/// Why a descriptor set cannot be used.
package struct DescriptorError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
