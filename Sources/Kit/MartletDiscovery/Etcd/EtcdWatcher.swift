import AsyncHTTPClient
import Logging
import MartletCore

/// Lists the keys below a prefix once, then watches for changes.
///
/// A watch that ends normally continues after the last known revision. After an error or a long silence, the keys are
/// listed again, because another etcd may respond then. The list is linearizable and the watch requires a leader, so
/// that a member cut off from its cluster is not trusted indefinitely.
struct EtcdWatcher: EndpointWatcher {
    private let prefix: String
    private let client: EtcdClient
    private let logger: Logger

    init(_ source: EtcdSource, logger: Logger) throws {
        self.init(source.prefix, try EtcdClient(source.registry), logger: logger)
    }

    init(_ prefix: String, _ client: EtcdClient, logger: Logger) {
        self.prefix = prefix
        self.client = client
        self.logger = logger
    }

    func watch(_ found: @Sendable (RegistryList) -> Void) async throws {
        let range: [(String, JSONValue)] = [
            ("key", .base64(prefix)), ("range_end", .base64(Self.end(of: prefix))),
        ]
        while true {
            var state = EtcdWatchState()
            let limit: [(String, JSONValue)] = [("limit", "10000")]
            try await state.list(client.call("/v3/kv/range", .object(range + limit)))
            found(state.list)
            var isKnown = true
            while isKnown {
                let start: [(String, JSONValue)] = [
                    ("start_revision", .string(String(state.revision.addingReportingOverflow(1).partialValue))),
                    ("progress_notify", true),
                ]
                do {
                    try await client.stream(
                        "/v3/watch", headers: [("Grpc-Metadata-hasleader", "true")],
                        ["create_request": .object(range + start)]
                    ) { message in
                        switch try state.receive(message) {
                        case .unchanged: break
                        case .changed(let list): found(list)
                        case .relist: isKnown = false
                        }
                        return isKnown
                    }
                } catch let error as HTTPClientError where error == .readTimeout {
                    // Nothing has changed for a while, or the connection is silently dead.
                    logger.debug("etcd is silent", metadata: ["prefix": "\(prefix)"])
                    isKnown = false
                }
                // A proxy in between may end every stream immediately.
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    /// The first key after all keys with the prefix.
    static func end(of prefix: String) -> String {
        var scalars = Array(prefix.unicodeScalars)
        while let last = scalars.popLast() {
            if let next = Unicode.Scalar(last.value + 1), last.isASCII, next.isASCII {
                return String(String.UnicodeScalarView(scalars + [next]))
            }
        }
        // Stands for all keys.
        return "\0"
    }
}
