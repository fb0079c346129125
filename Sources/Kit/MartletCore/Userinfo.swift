extension String {
    /// The URL with `***` for its user and password (RFC 3986 §3.2.1): everything between the scheme and the last `@`,
    /// because passwords are not always percent-encoded correctly.
    public var withoutUserinfo: String {
        let start = firstRange(of: "://")?.upperBound ?? startIndex
        guard let at = lastIndex(of: "@"), at >= start else { return self }
        return self[..<start] + "***" + self[at...]
    }
}
