import Gateway
import MartletCore

/// The routes of the administration.
struct AdminRoutes: Sendable {
    let gateway: Gateway
    /// nil without a gateway file.
    let watcher: GatewayFileWatcher?
    let readiness: Readiness

    var reading: [String: LocalHandler] {
        [
            "/state": { _ in .json(gateway.state.bytes) },
            "/configuration": { _ in .json(configuration.bytes) },
        ]
    }

    var acting: [String: LocalHandler] {
        [
            "/endpoints/drain": { await setDrained(true, $0) },
            "/endpoints/undrain": { await setDrained(false, $0) },
            "/drain": { _ in await setDraining(true) },
            "/undrain": { _ in await setDraining(false) },
            "/reload": { _ in await reload() },
        ]
    }

    /// The configuration in force. It differs from the file while the file is invalid.
    private var configuration: JSONValue {
        guard let watcher else { return ["file": nil, "content": nil] }
        return ["file": .string(watcher.path), "content": GatewayFile.redacted(watcher.inForce.text)]
    }

    /// `{"upstream": NAME, "url": URL}`
    private func setDrained(_ isDrained: Bool, _ request: LocalRequest) async -> LocalResponse {
        guard let body = try? JSONValue(parsing: request.body), case .object = body else {
            return .problem(.badRequest("The body must be a JSON object."))
        }
        guard let upstream = body["upstream"]?.stringValue else {
            return .problem(.invalid(field: "upstream", "Must be the name of an upstream.", code: "required"))
        }
        guard let url = body["url"]?.stringValue, let (endpoint, _) = try? Endpoint.url(url) else {
            return .problem(
                .invalid(field: "url", "Must be http://host:port, https://… or unix:/path.", code: "invalid_url"))
        }
        guard await gateway.setDrained(isDrained, endpoint, of: upstream) else {
            return .problem(.notFound("Endpoint"))
        }
        return .json(gateway.state.bytes)
    }

    private func setDraining(_ isDraining: Bool) async -> LocalResponse {
        readiness.isDraining = isDraining
        await gateway.setDraining(isDraining)
        return .json(gateway.state.bytes)
    }

    private func reload() async -> LocalResponse {
        guard let watcher else {
            return .problem(.conflict("The gateway was started without a file.", code: "no_gateway_file"))
        }
        let errors = await watcher.reload()
        guard errors.isEmpty else {
            return .problem(
                Problem(
                    status: 422, detail: "The file is invalid. The previous configuration stays in force.",
                    code: "invalid_gateway_file",
                    errors: errors.map { FieldError(loc: ["file"], message: $0, code: "invalid") }))
        }
        return .json(gateway.state.bytes)
    }
}
