import Gateway
import Logging
import ServiceLifecycle
import Synchronization
import UnixSignals

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Reads the gateway's file again when it changes and on SIGHUP. A file that is wrong changes nothing but the log.
struct GatewayFileWatcher: ServiceLifecycle.Service {
    let path: String
    /// What the file's upstreams and routes are added to.
    let base: GatewayConfiguration
    let gateway: Gateway
    let inForce: TextInForce
    /// The files that it named at the start.
    let named: [String]
    let logger: Logger

    /// - Throws: ``UsageError`` that names everything that is wrong with the file.
    static func read(
        _ path: String, over base: GatewayConfiguration
    ) throws(UsageError) -> (configuration: GatewayConfiguration, text: String) {
        var configuration = base
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
            try GatewayFile.read(text, name: path, folder: folder(of: path), into: &configuration)
        } catch let error as GatewayFileError {
            throw UsageError(error.lines)
        } catch {
            throw UsageError("\(path): cannot be read")
        }
        return (configuration, text)
    }

    /// What relative paths in the file start from.
    private static func folder(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    for await _ in await UnixSignalsSequence(trapping: .sighup) { await reload() }
                }
                group.addTask { await watch() }
                await group.waitForAll()
            }
        }
    }

    /// Asks once a second: editors and Kubernetes replace files, which watches of a file's inode miss.
    private func watch() async {
        var named = self.named
        // What has changed since the start is seen.
        var known = [Data(inForce.text.utf8)] + (await contents(named)).dropFirst()
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            let now = await contents(named)
            guard now != known else { continue }
            // Where one of them is broken, the same are watched until it is whole again.
            let next = await takeUp().named ?? named
            // What changes meanwhile is seen the next time.
            known = next == named ? now : await contents(next)
            named = next
        }
    }

    /// The files that a gateway's file names.
    static func named(in configuration: GatewayConfiguration) -> [String] {
        let upstreams = configuration.upstreams.compactMap(\.tls)
        let certificates = (configuration.tls?.certificates ?? []) + upstreams.compactMap(\.certificate)
        let descriptors = configuration.routes.compactMap { route -> String? in
            if case .grpc(let grpc) = route.action { grpc.descriptors } else { nil }
        }
        return certificates.flatMap { [$0.chainPath, $0.keyPath] } + upstreams.compactMap(\.authorityPath)
            + Set(descriptors).sorted()
    }

    private func contents(_ named: [String]) async -> [Data?] {
        let paths = [path] + named
        return (try? await ConfigurationThread.run { paths.map { FileManager.default.contents(atPath: $0) } }) ?? []
    }

    /// Reads the file again.
    /// - Returns: what is wrong with it; nothing when it is in force now.
    @discardableResult
    func reload() async -> [String] { await takeUp().errors }

    /// Reads and compiles the file where nobody waits for it.
    /// - Returns: what is wrong with it, and the files that it names if it could be read.
    private func takeUp() async -> (errors: [String], named: [String]?) {
        var named: [String]?
        do {
            let (configuration, text) = try await ConfigurationThread.run { try Self.read(path, over: base) }
            named = Self.named(in: configuration)
            try await gateway.reload(configuration)
            inForce.text = text
            logger.info("the gateway's file has been read again", metadata: ["path": "\(path)"])
            return ([], named)
        } catch {
            let lines = (error as? UsageError)?.lines ?? ["\(error)"]
            for line in lines { logger.error("the gateway's file is wrong", metadata: ["error": "\(line)"]) }
            return (lines, named)
        }
    }
}

/// The text of the file that is in force, which may not be the one that is there.
final class TextInForce: Sendable {
    private let box: Mutex<String>

    init(_ text: String) { box = Mutex(text) }

    var text: String {
        get { box.withLock { $0 } }
        set { box.withLock { $0 = newValue } }
    }
}
