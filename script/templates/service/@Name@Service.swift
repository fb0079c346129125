public import MartletCore
public import MartletWeb

/// @Models@. Every signed-in user can read them; changes require permissions.
public struct @Name@Service: Service {
    public static let name = "@name@"
    public static let summary = "@Models@."
    public static let prefixes = ["/api/@table@"]

    let @models@: @Model@Store

    public init(_ platform: Platform, settings: NoSettings) {
        @models@ = @Model@Store(database: platform.database, clock: platform.clock)
    }

    public var routes: [Route] {
        Group("/api/@table@", tag: "@Models@") {
            Get(use: list).signedIn.summary("List @words@")
            Post(use: create).requires("@name@.add_@record@").summary("Add @a@ @word@")
            Get("{id}", use: find).signedIn.summary("Read @a@ @word@")
            Put("{id}", use: replace).requires("@name@.change_@record@").summary("Replace @a@ @word@")
            Patch("{id}", use: update).requires("@name@.change_@record@").summary("Change some fields of @a@ @word@")
            Delete("{id}", use: delete).requires("@name@.delete_@record@").summary("Delete @a@ @word@")
        }
    }
}
