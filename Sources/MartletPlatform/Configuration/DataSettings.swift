package import MartletCore
import MartletData
import MartletRedis

/// The location of the platform's data.
package struct DataSettings: SettingGroup {
    package var folder: String
    /// nil: SQLite files in the data folder.
    package var databaseURL: String?
    var databaseConnections: Int
    /// The Redis that the processes of the platform share; nil when there is none.
    var redis: RedisLocation?

    package init(_ settings: inout SettingReader) {
        folder = settings.read(
            "data_dir", "The folder for databases, keys and sockets.", form: "folder", default: "data",
            parse: SettingValue.path)
        databaseURL = settings.readOptional(
            "database_url", "The database, with one schema for each service.", form: "postgres://user@host/name",
            shown: "SQLite files in the data folder", isSecret: true, commonVariables: ["DATABASE_URL"]
        ) { text in
            guard text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") else {
                throw SettingMistake("must begin with postgres://; the folder of SQLite files is data_dir")
            }
            do {
                _ = try Database.Location(url: text, schema: "public")
            } catch  where text.contains("@") {
                // The reason may quote a part of the password.
                throw SettingMistake("is not a valid URL; in a password, write % as %25, @ as %40 and / as %2F")
            }
            return text
        }
        databaseConnections = settings.read(
            "database_connections", "The maximum number of PostgreSQL connections a service opens.", form: "count",
            default: 8
        ) { try SettingValue.integer($0, 1...500) }
        redis = settings.readOptional(
            "redis_url", "The Redis that carries events between processes and holds what they share in caches.",
            form: "redis://:password@host:port/0", shown: "none", isSecret: true, commonVariables: ["REDIS_URL"]
        ) { try RedisLocation(url: $0) }
    }
}
