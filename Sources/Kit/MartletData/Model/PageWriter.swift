/// Writes the JSON of large pages on a dedicated thread: a hundred products with long descriptions take several
/// milliseconds, too long for an event loop.
actor PageWriter {
    static let shared = PageWriter()
    /// The largest page, in bytes, that is written on the calling thread: less than a millisecond of work.
    static let threshold = 32 * 1024

    private nonisolated let thread = SerialThread(name: "pages", isYielding: false)
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// - Throws: the errors of ``RowPage/json()``.
    func json<Row: Model>(of page: RowPage<Row>) throws -> [UInt8] { try page.json() }
}
