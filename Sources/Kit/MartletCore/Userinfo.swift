extension String {
    /// With `***` for the user and the password of a URL (RFC 3986 §3.2.1): for all between its scheme and its last `@`,
    /// as passwords are not always encoded as they must be.
    public var withoutUserinfo: String {
        let start = firstRange(of: "://")?.upperBound ?? startIndex
        guard let at = lastIndex(of: "@"), at >= start else { return self }
        return self[..<start] + "***" + self[at...]
    }
}
