public import MartletData
import MartletWeb

extension AccountsService {
    public static let migrations = [
        Migration(1, "users") { dialect in
            [
                // Addresses and names are compared by their keys: see `identityKey`.
                """
                CREATE TABLE users (
                    id \(dialect.identity),
                    email TEXT NOT NULL,
                    email_key TEXT NOT NULL UNIQUE,
                    username TEXT NOT NULL,
                    username_key TEXT NOT NULL UNIQUE,
                    password_hash TEXT NOT NULL,
                    first_name TEXT NOT NULL,
                    last_name TEXT NOT NULL,
                    phone TEXT NOT NULL,
                    avatar TEXT NOT NULL,
                    department TEXT NOT NULL,
                    position TEXT NOT NULL,
                    is_active BOOLEAN NOT NULL,
                    is_verified BOOLEAN NOT NULL,
                    is_staff BOOLEAN NOT NULL,
                    is_superuser BOOLEAN NOT NULL,
                    permissions \(dialect.json) NOT NULL,
                    profile \(dialect.json) NOT NULL,
                    last_login \(dialect.timestamp),
                    last_login_ip TEXT,
                    created_at \(dialect.timestamp) NOT NULL,
                    updated_at \(dialect.timestamp) NOT NULL
                )
                """,
                "CREATE INDEX users_created_at ON users (created_at)",
            ]
        },
        Migration(2, "sessions") { dialect in
            [
                """
                CREATE TABLE sessions (
                    id TEXT PRIMARY KEY,
                    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                    address TEXT,
                    created_at \(dialect.timestamp) NOT NULL,
                    expires_at \(dialect.timestamp) NOT NULL,
                    ended_at \(dialect.timestamp)
                )
                """,
                "CREATE INDEX sessions_user_id ON sessions (user_id)",
                "CREATE INDEX sessions_expires_at ON sessions (expires_at)",
                """
                CREATE TABLE refresh_tokens (
                    digest TEXT PRIMARY KEY,
                    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
                    expires_at \(dialect.timestamp) NOT NULL,
                    used_at \(dialect.timestamp)
                )
                """,
                "CREATE INDEX refresh_tokens_session_id ON refresh_tokens (session_id)",
            ]
        },
        Migration(3, "ended sessions") { dialect in
            [
                // When the last access token of the session expires.
                "ALTER TABLE sessions ADD COLUMN tokens_end \(dialect.timestamp)",
                // The number of earlier tokens in the session, and how the token was used.
                "ALTER TABLE refresh_tokens ADD COLUMN generation BIGINT NOT NULL DEFAULT 0",
                "ALTER TABLE refresh_tokens ADD COLUMN used_by_cookie BOOLEAN",
                "DROP INDEX refresh_tokens_session_id",
                "CREATE INDEX refresh_tokens_session_id ON refresh_tokens (session_id, generation)",
                // A separate table, because its rows outlive the user. Read when a process starts.
                """
                CREATE TABLE ended_sessions (
                    id TEXT PRIMARY KEY,
                    tokens_end \(dialect.timestamp) NOT NULL
                )
                """,
                "CREATE INDEX ended_sessions_tokens_end ON ended_sessions (tokens_end)",
            ]
        },
    ]
}
