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

/// Reloads the gateway's file when it changes and on SIGHUP. An invalid file is logged and changes nothing.
struct GatewayFileWatcher: ServiceLifecycle.Service {
    let path: String
    /// The configuration to which the file adds upstreams and routes.
    let base: GatewayConfiguration
    let gateway: Gateway
    let inForce: TextInForce
    /// The files that the gateway's file named at the start.
    let named: [String]
    let logger: Logger

    /// - Throws: ``UsageError`` with every error in the file.
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

    /// The folder to which paths in the file are relative.
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

    /// Compares the contents once a second. Editors and Kubernetes replace files, so a watch on an inode would miss
    /// changes.
    private func watch() async {
        var named = self.named
        // Compare with the text read at the start, so that no change since then is missed.
        var known = [Data(inForce.text.utf8)] + (await contents(named)).dropFirst()
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            let now = await contents(named)
            guard now != known else { continue }
            // While the file is unreadable, watch the files it named before.
            let next = await takeUp().named ?? named
            // A change during the reload is detected in the next round.
            known = next == named ? now : await contents(next)
            named = next
        }
    }

    /// The certificates, keys and descriptors that a gateway's file names.
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

    /// Reloads the file.
    /// - Returns: the errors; empty if the file is now in force.
    @discardableResult
    func reload() async -> [String] { await takeUp().errors }

    /// Reads and compiles the file away from the event loops.
    /// - Returns: the errors, and the files that it names; nil if it could not be read.
    private func takeUp() async -> (errors: [String], named: [String]?) {
        var named: [String]?
        do {
            let (configuration, text) = try await ConfigurationThread.run { try Self.read(path, over: base) }
            named = Self.named(in: configuration)
            try await gateway.reload(configuration)
            inForce.text = text
            logger.info("the gateway's file was reloaded", metadata: ["path": "\(path)"])
            return ([], named)
        } catch {
            let lines = (error as? UsageError)?.lines ?? ["\(error)"]
            for line in lines { logger.error("the gateway's file is invalid", metadata: ["error": "\(line)"]) }
            return (lines, named)
        }
    }
}

/// The text of the configuration in force. It differs from the file while the file is invalid.
final class TextInForce: Sendable {
    private let box: Mutex<String>

    init(_ text: String) { box = Mutex(text) }

    var text: String {
        get { box.withLock { $0 } }
        set { box.withLock { $0 = newValue } }
    }
}
