import Testing

@testable import GRPCTranscoding

struct PathTemplateTests {
    @Test func readsSegmentsVariablesAndVerb() throws {
        let template = try PathTemplate("/v1/{book.name=shelves/*/books/*}/pages/{page}/{rest=**}:read")
        #expect(
            template.segments == [
                .literal(Array("v1".utf8)), .literal(Array("shelves".utf8)), .one, .literal(Array("books".utf8)), .one,
                .literal(Array("pages".utf8)), .one, .rest,
            ])
        #expect(
            template.variables == [
                .init(path: ["book", "name"], segments: 1..<5), .init(path: ["page"], segments: 6..<7),
                .init(path: ["rest"], segments: 7..<8),
            ])
        #expect(template.verb == Array("read".utf8))
    }

    @Test(arguments: [
        "", "v1", "/", "//", "/v1/", "/{a", "/{a}b", "/{a=}", "/{=a}", "/{a..b}", "/a*", "/**/a", "/{a=**}/b",
        "/{a}/{a}", "/a:", "/{a={b}}", "/a?b", "/{a b}",
    ])
    func refuses(text: String) { #expect(throws: DescriptorError.self) { try PathTemplate(text) } }

    private func table(_ rules: [(String, String)]) throws -> TemplateTable {
        var table = TemplateTable()
        for (index, rule) in rules.enumerated() {
            let isNew = table.insert(try PathTemplate(rule.1), method: rule.0, binding: index)
            #expect(isNew)
        }
        return table
    }

    @Test(arguments: [
        ("GET", "/v1/a", 0), ("GET", "/v1/x", 1), ("GET", "/v1/x/", 1), ("POST", "/v1/x", 2), ("POST", "/v1/x:go", 3),
        ("POST", "/v1/x:stop", 2), ("POST", "/v1/x:y:go", 3), ("GET", "/v1/x/y", 4), ("GET", "/v1/x/y/z", 4),
        ("GET", "/v1/a/b", 5), ("GET", "/v1/a/c", 4), ("GET", "/v1/files/a:b", 6), ("GET", "/v1/files", 6),
        ("GET", "/v1/x/y:undo", 7),
    ])
    func findsTheClosest(method: String, path: String, binding: Int) throws {
        let table = try table([
            ("GET", "/v1/a"), ("GET", "/v1/{id}"), ("POST", "/v1/{id}"), ("POST", "/v1/{id}:go"), ("GET", "/v1/{x=**}"),
            ("GET", "/v1/a/b"), ("GET", "/v1/files/{path=**}"), ("GET", "/v1/{x=**}:undo"),
        ])
        guard case .binding(binding, _) = table.match(method: method, path: path.utf8) else {
            Issue.record("\(table.match(method: method, path: path.utf8))")
            return
        }
    }

    @Test func distinguishesOtherMethodsFromNoMatch() throws {
        let table = try table([("GET", "/v1/{id}"), ("DELETE", "/v1/{id}"), ("POST", "/v1/{id}:go")])
        #expect(table.match(method: "PATCH", path: "/v1/x".utf8) == .otherMethods(["DELETE", "GET"]))
        #expect(table.match(method: "PATCH", path: "/v1/x:go".utf8) == .otherMethods(["DELETE", "GET", "POST"]))
        #expect(table.match(method: "GET", path: "/v2/x".utf8) == .none)
        #expect(table.match(method: "GET", path: "/v1".utf8) == .none)
        #expect(table.match(method: "GET", path: "/".utf8) == .none)
        #expect(table.match(method: "GET", path: "".utf8) == .none)
    }

    @Test(arguments: [
        ("GET", "/v1/x", 1), ("POST", "/v1/x", 0), ("LINK", "/v1/x", 0), ("*", "/v1/x", 0), ("GET", "/v1/x/y", 2),
        ("GET", "/v1/a", 3), ("GET", "/v1/x:go", 4), ("DELETE", "/v1/x:go", 5), ("GET", "/v1/x:stop", 1),
    ])
    func anyMethodMatchesLast(method: String, path: String, binding: Int) throws {
        let table = try table([
            ("*", "/v1/{id}"), ("GET", "/v1/{id}"), ("*", "/v1/{x=**}"), ("*", "/v1/a"), ("GET", "/v1/{id}:go"),
            ("*", "/v1/{id}:go"),
        ])
        guard case .binding(binding, _) = table.match(method: method, path: path.utf8) else {
            Issue.record("\(table.match(method: method, path: path.utf8))")
            return
        }
    }

    @Test func anyMethodIsNotListedAsAllowed() throws {
        let table = try table([("*", "/v1/a:go"), ("GET", "/v1/a"), ("*", "/v1/b")])
        #expect(table.match(method: "PUT", path: "/v1/a".utf8) == .otherMethods(["GET"]))
        #expect(table.match(method: "PUT", path: "/v1/b:go".utf8) == .none)
    }

    @Test func reportsConflictingTemplates() throws {
        var table = try table([("GET", "/v1/{id}")])
        let isNew = table.insert(try PathTemplate("/v1/{name}"), method: "GET", binding: 1)
        #expect(!isNew)
    }
}
