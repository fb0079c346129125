extension StringProtocol {
    /// The text without surrounding white space, including no-break spaces.
    package var trimmed: String {
        String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
