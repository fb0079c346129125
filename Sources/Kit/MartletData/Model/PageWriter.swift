/// Writes the JSON of large pages on a thread of its own: a hundred products with long descriptions take several
/// milliseconds, which an event loop does not have.
actor PageWriter {
    static let shared = PageWriter()
    /// How many bytes a page may have that is written where it is sent: less than a millisecond's work.
    static let threshold = 32 * 1024

    private nonisolated let thread = SerialThread(name: "pages", isYielding: false)
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// - Throws: as ``RowPage/json()``.
    func json<Row: Model>(of page: RowPage<Row>) throws -> [UInt8] { try page.json() }
}
