import MartletWeb

/// The cookie with a browser's refresh token. Scripts cannot read it, and browsers send it only to the sign-in paths
/// and never with cross-site requests.
enum RefreshCookie {
    static let name = "martlet_refresh"

    static func token(in context: Context) -> RefreshToken? {
        guard let text = context.cookie(name), !text.isEmpty else { return nil }
        return RefreshToken(presented: text)
    }

    static func set(_ token: RefreshToken, lifetime: Int64, _ context: Context) -> (name: String, value: String) {
        field(value: token.text, maximumAge: lifetime, context)
    }

    static func clear(_ context: Context) -> (name: String, value: String) {
        field(value: "", maximumAge: 0, context)
    }

    private static func field(value: String, maximumAge: Int64, _ context: Context) -> (name: String, value: String) {
        let secure = context.isSecure ? "; Secure" : ""
        return (
            "Set-Cookie",
            "\(name)=\(value); HttpOnly; SameSite=Strict; Path=/api/auth; Max-Age=\(maximumAge)\(secure)"
        )
    }
}

/// For responses that contain secrets.
let noStore = (name: "Cache-Control", value: "no-store")
