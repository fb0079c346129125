public import MartletCore

extension Optional where Wrapped: Model {
    /// The row that was looked for.
    /// - Throws: ``Problem`` 404 when there is none.
    public func orNotFound() throws(Problem) -> Wrapped {
        guard let self else { throw .notFound(Wrapped.noun) }
        return self
    }
}
