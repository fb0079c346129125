import MartletCore
import Testing

/// The merged document of all services.
@Suite(.inTurn) struct OpenAPITests {
    @Test(arguments: Deployment.allCases)
    func describesEveryServiceInOneDocument(_ deployment: Deployment) async throws {
        let document = try await APIDocument.read(deployment.platform().api)
        #expect(document.json["openapi"]?.stringValue?.hasPrefix("3.1") == true)
        #expect(document.json["info"]?["title"]?.stringValue?.isEmpty == false)
        #expect(document.json["info"]?["version"]?.stringValue?.isEmpty == false)
        let templates = Set(document.operations.map(\.template))
        let expected: Set = [
            "/api/products", "/api/products/{id}", "/api/products/in_stock", "/api/products/{id}/reduce_stock",
            "/api/auth/register", "/api/auth/registration", "/api/auth/login", "/api/auth/refresh", "/api/auth/logout",
            "/api/auth/verify-token",
            "/api/auth/me", "/api/auth/change-password", "/api/users", "/api/users/{id}", "/.well-known/jwks.json",
        ]
        #expect(expected.isSubset(of: templates), "\(expected.subtracting(templates)) are missing")
        let ids =
            document.json["paths"]?.objectValue?
            .flatMap { $0.1.objectValue ?? [] }.compactMap { $0.1["operationId"]?.stringValue } ?? []
        #expect(ids.count == document.operations.count && Set(ids).count == ids.count, "operation ids are unique")
    }

    /// All four deployments return the same document.
    @Test func isTheSameInEveryDeployment() async throws {
        let first = try await APIDocument.read(Deployment.oneProcessOnSQLite.platform().api).json
        for deployment in Deployment.allCases {
            #expect(try await APIDocument.read(deployment.platform().api).json == first, "\(deployment)")
        }
    }

    @Test(arguments: Deployment.allCases)
    func hasNoDanglingReference(_ deployment: Deployment) async throws {
        let document = try await APIDocument.read(deployment.platform().api).json
        func references(_ value: JSONValue) -> [String] {
            switch value {
            case .object(let members):
                members.flatMap { name, member in
                    if name == "$ref", let text = member.stringValue { [text] } else { references(member) }
                }
            case .array(let elements): elements.flatMap(references)
            default: []
            }
        }
        let found = Set(references(document))
        #expect(!found.isEmpty)
        for reference in found {
            let target = reference.split(separator: "/").dropFirst().reduce(Optional(document)) { $0?[String($1)] }
            #expect(reference.hasPrefix("#/") && target != nil, "\(reference)")
        }
    }

    /// Requests without a token are rejected exactly where the document requires one.
    @Test(arguments: Deployment.allCases)
    func declaresWhatRequiresAuthentication(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        for operation in try await APIDocument.read(platform.api).operations {
            let body = operation.takesBody ? Array("{}".utf8) : nil
            let answer = try await platform.api.send(operation.method, operation.path(), body: body)
            let sent = "\(operation.method) \(operation.template)"
            // These operations expect a token, and there is none.
            let takesToken = ["/api/auth/refresh", "/api/auth/verify-token"].contains(operation.template)
            if !operation.isPublic {
                expectProblem(answer, 401, code: "unauthorized", sent: sent)
            } else if !takesToken {
                #expect(answer.status != 401 && answer.status != 403, "\(sent) → \(answer.status)")
            }
            #expect(answer.status < 500, "\(sent) → \(answer.status)")
        }
    }

    @Test(arguments: Deployment.allCases)
    func documentsOnlyPathsThatExist(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let api = try await platform.administratorAPI()
        for operation in try await APIDocument.read(api).operations {
            for suffix in ["", "/"] {
                let answer = try await api.send(
                    operation.method, operation.path() + suffix, body: operation.takesBody ? Array("{}".utf8) : nil)
                let sent = "\(operation.method) \(operation.path() + suffix) → \(answer.text.prefix(200))"
                #expect(answer.status != 405, "\(sent)")
                if answer.status == 404 {
                    #expect((try? answer.json())?["detail"]?.stringValue?.contains("Path") == false, "\(sent)")
                }
            }
        }
    }

    /// Exactly the parameters of a path are declared.
    @Test(arguments: Deployment.allCases)
    func declaresThePathsParameters(_ deployment: Deployment) async throws {
        for operation in try await APIDocument.read(deployment.platform().api).operations {
            let declared = operation.parameters.filter { $0.place == "path" }.map(\.name)
            let named = operation.template.matches(of: /\{([^}]*)\}/).map { String($0.1) }
            #expect(declared.sorted() == named.sorted(), "\(operation.method) \(operation.template)")
        }
    }
}
