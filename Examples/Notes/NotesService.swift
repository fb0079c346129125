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
            Post(use: create).signedIn.idempotent.summary("Write a note")
            Get("{id}", use: find).signedIn.summary("Read a note")
            Patch("{id}", use: update).signedIn.summary("Change a note")
            Delete("{id}", use: delete).signedIn.summary("Delete a note")
        }
    }

    @Sendable func list(_ context: Context, _ query: ListQuery<Note>) async throws -> RowPage<Note> {
        try await platform.database.page(query, where: mine(context))
    }

    @Sendable func create(_ context: Context, _ input: NoteInput) async throws -> Created<Note> {
        let note = try await platform.database.one(
            Note.self,
            """
            INSERT INTO notes \(values: input, with: ["owner": context.user().userID], stamped: platform.clock.now)
            RETURNING \(Note.columns)
            """)
        return Created(note, at: "/api/notes/\(note.id)")
    }

    @Sendable func find(_ context: Context, _ id: ID<Note>) async throws -> Note {
        try await platform.database.first(
            Note.self, "SELECT \(Note.columns) FROM notes WHERE id = \(id) AND \(mine(context))"
        ).orNotFound()
    }

    @Sendable func update(_ context: Context, _ id: ID<Note>, _ patch: MergePatch<NoteInput>) async throws -> Note {
        try await platform.database.change(Note.self, id, where: mine(context), if: context.precondition) {
            [clock = platform.clock] current, connection in
            try await connection.one(
                Note.self,
                """
                UPDATE notes SET \(set: patch.applied(to: current)), updated_at = \(clock.now.next(after: current.updatedAt))
                WHERE id = \(id) RETURNING \(Note.columns)
                """)
        }
    }

    @Sendable func delete(_ context: Context, _ id: ID<Note>) async throws -> NoContent {
        try await platform.database.change(Note.self, id, where: mine(context), if: context.precondition) {
            _, connection in
            _ = try await connection.execute("DELETE FROM notes WHERE id = \(id)")
        }
        return NoContent()
    }

    private func mine(_ context: Context) throws -> SQL { "owner = \(try context.user().userID)" }
}
