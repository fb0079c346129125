import MartletWeb

/// The refresh token of a browser. Scripts cannot read it, and browsers send it to the sign-in paths only, and not
/// when a page of another site asks.
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

/// For answers that hold secrets.
let noStore = (name: "Cache-Control", value: "no-store")
