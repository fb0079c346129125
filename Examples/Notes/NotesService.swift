public import MartletCore
public import MartletData
public import MartletWeb

/// A personal note.
public struct Note: Model, Output, Versioned {
    public let id: ID<Note>
    public let title: String
    public let text: String
    public let isDone: Bool
    public let createdAt: Timestamp
    public let updatedAt: Timestamp

    public static let table = "notes"

    public static let rules = Rules {
        Rule(CodingKeys.title, "The title of the note.", length: 1...120, list: [.search, .filter, .order])
        Rule(CodingKeys.text, "The text of the note.", length: 0...10_000, default: "", list: .search)
        Rule(CodingKeys.isDone, "Whether the note is done.", default: false, list: .filter)
        Rule(CodingKeys.createdAt, "When the note was created.", list: [.filter, .order])
    }
}

/// The writable fields of a note, with the same rules.
public struct NoteInput: Input, Encodable {
    public let title: String
    public let text: String
    public let isDone: Bool

    public static let rules = Note.rules
}

/// Personal notes: users see and change only their own.
public struct NotesService: Service {
    public static let name = "notes"
    public static let summary = "Personal notes."
    public static let prefixes = ["/api/notes"]
    public static let migrations = [
        Migration(1, "notes") { dialect in
            [
                """
                CREATE TABLE notes (
                    id \(dialect.identity), owner BIGINT NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL,
                    is_done BOOLEAN NOT NULL, created_at \(dialect.timestamp) NOT NULL,
                    updated_at \(dialect.timestamp) NOT NULL
                )
                """,
                "CREATE INDEX notes_owner ON notes (owner)",
            ]
        }
    ]

    let platform: Platform

    public init(_ platform: Platform, settings: NoSettings) { self.platform = platform }

    public var routes: [Route] {
        Group("/api/notes", tag: "Notes") {
            Get(use: list).signedIn.summary("List my notes")
            Post(use: create).signedIn.summary("Write a note")
            Get("{id}", use: find).signedIn.summary("Read a note")
            Patch("{id}", use: update).signedIn.summary("Change a note")
            Delete("{id}", use: delete).signedIn.summary("Delete a note")
        }
    }

    @Sendable func list(_ context: Context, _ query: ListQuery<Note>) async throws -> RowPage<Note> {
        try await platform.database.page(query, where: "owner = \(context.user().userID)")
    }

    @Sendable func create(_ context: Context, _ input: NoteInput) async throws -> Created<Note> {
        let now = platform.clock.now
        let note = try await platform.database.first(
            Note.self,
            """
            INSERT INTO notes (owner, title, text, is_done, created_at, updated_at)
            VALUES (\(context.user().userID), \(input.title), \(input.text), \(input.isDone), \(now), \(now))
            RETURNING \(Note.columns)
            """
        ).orNotFound()
        return Created(note, at: "/api/notes/\(note.id)")
    }

    @Sendable func find(_ context: Context, _ id: ID<Note>) async throws -> Note {
        try await platform.database.first(
            Note.self, "SELECT \(Note.columns) FROM notes WHERE id = \(id) AND owner = \(context.user().userID)"
        ).orNotFound()
    }

    @Sendable func update(_ context: Context, _ id: ID<Note>, _ patch: MergePatch<NoteInput>) async throws -> Note {
        let owner = try context.user().userID
        return try await platform.database.transaction { [clock = platform.clock] connection in
            let mine: SQL = "id = \(id) AND owner = \(owner)"
            let current = try await connection.first(
                Note.self, "SELECT \(Note.columns) FROM notes WHERE \(mine)\(connection.dialect.forUpdate)"
            ).orNotFound()
            try context.precondition.require(current)
            let input = try patch.applied(to: current)
            return try await connection.first(
                Note.self,
                """
                UPDATE notes SET title = \(input.title), text = \(input.text), is_done = \(input.isDone),
                    updated_at = \(clock.now.next(after: current.updatedAt))
                WHERE \(mine) RETURNING \(Note.columns)
                """
            ).orNotFound()
        }
    }

    @Sendable func delete(_ context: Context, _ id: ID<Note>) async throws -> NoContent {
        let owner = try context.user().userID
        let deleted = try await platform.database.execute("DELETE FROM notes WHERE id = \(id) AND owner = \(owner)")
        guard deleted == 1 else { throw Problem.notFound(Note.noun) }
        return NoContent()
    }
}
