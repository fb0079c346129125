public import MartletCore

/// A console page with a list of a service. The gateway publishes it in `/console.json`, so the console shows it
/// without a new build.
public struct ConsolePage: Sendable {
    /// A text in the console's languages.
    public struct Title: Sendable {
        public let english: String
        public let chinese: String

        public init(_ english: String, chinese: String) {
            self.english = english
            self.chinese = chinese
        }
    }

    /// One column of the list.
    public struct Column: Sendable {
        /// The format of values.
        public enum Form: String, Sendable { case text, number, money, boolean, time }

        let name: String
        let title: Title
        let form: Form
        let isSortable: Bool

        /// - Parameter isSortable: whether the list can be sorted by the column: `list: .order` in the model's rules.
        public init<Key: CodingKey>(
            _ key: Key, _ title: Title, _ form: Form = .text, isSortable: Bool = false
        ) {
            name = key.stringValue.snakeCased
            self.title = title
            self.form = form
            self.isSortable = isSortable
        }
    }

    private let path: String
    private let icon: String
    private let title: Title
    private let list: String
    private let permission: String?
    private let canSearch: Bool
    private let columns: [Column]

    /// - Parameters:
    ///   - path: the path of the page in the console: `/reviews`.
    ///   - icon: the name of a Material icon.
    ///   - list: the path of a list endpoint with a ``ListQuery``: `/api/reviews`.
    ///   - permission: the permission required to see the page. The list endpoint checks its own.
    ///   - canSearch: whether the model has fields with `list: .search`.
    public init(
        _ path: String, icon: String, title: Title, list: String, permission: String? = nil, canSearch: Bool = false,
        columns: [Column]
    ) {
        self.path = path
        self.icon = icon
        self.title = title
        self.list = list
        self.permission = permission
        self.canSearch = canSearch
        self.columns = columns
    }

    /// The page in the form of `/console.json`.
    public var json: JSONValue {
        [
            "path": .string(path), "icon": .string(icon), "title": title.json, "list": .string(list),
            "permission": permission.map { .string($0) } ?? .null, "search": .bool(canSearch),
            "columns": .array(columns.map(\.json)),
        ]
    }
}

extension ConsolePage.Title {
    fileprivate var json: JSONValue { ["en": .string(english), "zh-CN": .string(chinese)] }
}

extension ConsolePage.Column {
    fileprivate var json: JSONValue {
        [
            "name": .string(name), "title": title.json, "form": .string(form.rawValue),
            "is_sortable": .bool(isSortable),
        ]
    }
}
