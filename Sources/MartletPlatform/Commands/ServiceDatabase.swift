import Logging
import MartletCore
import MartletData
import MartletMessaging
import MartletSystem
import MartletWeb

/// The database of a service, for commands beside the running platform.
enum ServiceDatabase {
    /// Runs `body` with the jobs of a service.
    /// - Throws: ``UsageError`` for an unknown service or one without a database; ``Failure``.
    static func open<Scope, Value: Sendable>(
        _ service: String, _ options: SettingOptions<Scope>, _ body: (JobAdministration) async throws -> Value
    ) async throws -> Value {
        let names = Composition.current.services.map { $0.name }
        guard names.contains(service) else {
            throw UsageError(Suggestion.unknown("service", service, among: names))
        }
        let data = try Settings(options).data
        let folder = try DataDirectory(data.folder, isServing: false)
        if case .sqlite(let path) = try data.location(of: service), access(path, R_OK) != 0 {
            throw UsageError(
                "data_dir '\(data.folder)': there is no database of \(service); use the settings of serve, such as --data-dir"
            )
        }
        // The command reports errors itself.
        let logger = Logger(label: service) { _ in SwiftLogNoOpLogHandler() }
        let database = try data.database(of: service, in: folder, logger: logger)
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(JobAdministration(database)))
        } catch let error as DatabaseError {
            result = .failure(error.failure(of: service))
        } catch let problem as Problem {
            result = .failure(Failure("\(service): \(problem.detail ?? problem.title)"))
        } catch {
            result = .failure(error)
        }
        await database.close()
        return try result.get()
    }

    /// Reports an invalid parameter as an invalid flag.
    static func read<Value>(_ body: () throws(Problem) -> Value) throws(UsageError) -> Value {
        do throws(Problem) {
            return try body()
        } catch {
            throw UsageError(
                error.errors.isEmpty ? [error.title] : error.errors.map { "\($0.loc.last ?? ""): \($0.message)" })
        }
    }
}
