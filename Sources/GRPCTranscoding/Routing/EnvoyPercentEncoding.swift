import MartletCore

/// Percent-encoding (RFC 3986 §2.1) as Envoy's transcoder reads it: a `%` that two hexadecimal digits do not follow stands
/// for itself.
enum EnvoyPercentEncoding {
    /// - Parameter keepsReserved: leaves the characters encoded that RFC 3986 §2.2 reserves. A value of several
    ///   segments keeps them, because its slashes could not be told apart from its own otherwise.
    /// - Returns: nil when the result is not UTF-8.
    static func decode(_ bytes: some Collection<UInt8>, keepsReserved: Bool = false) -> String? {
        try? PercentEncoding.decode(bytes, isLenient: true) { byte in
            keepsReserved && ":/?#[]@!$&'()*+,;=".utf8.contains(byte)
        }
    }
}
