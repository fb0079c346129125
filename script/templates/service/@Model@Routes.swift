import MartletCore
import MartletData
import MartletWeb

extension @Name@Service {
    @Sendable func list(_ context: Context, _ query: ListQuery<@Model@>) async throws -> RowPage<@Model@> {
        try await @models@.list(query)
    }

    @Sendable func find(_ context: Context, _ id: ID<@Model@>) async throws -> @Model@ {
        try await @models@.find(id)
    }

    @Sendable func create(_ context: Context, _ input: @Model@Input) async throws -> Created<@Model@> {
        let created = try await @models@.create(input)
        return Created(created, at: "/api/@table@/\(created.id)")
    }

    @Sendable func replace(
        _ context: Context, _ id: ID<@Model@>, _ input: @Model@Input
    ) async throws -> @Model@ {
        try await @models@.update(id, if: context.precondition) { _ in input }
    }

    @Sendable func update(
        _ context: Context, _ id: ID<@Model@>, _ patch: MergePatch<@Model@Input>
    ) async throws -> @Model@ {
        try await @models@.update(id, if: context.precondition) { try patch.applied(to: $0) }
    }

    @Sendable func delete(_ context: Context, _ id: ID<@Model@>) async throws -> NoContent {
        try await @models@.delete(id, if: context.precondition)
        return NoContent()
    }
}
