public import MartletCore

extension Optional where Wrapped: Model {
    /// Unwraps the row.
    /// - Throws: ``Problem`` 404 when it is nil.
    public func orNotFound() throws(Problem) -> Wrapped {
        guard let self else { throw .notFound(Wrapped.noun) }
        return self
    }
}
