import Accounts
import Catalog
public import MartletWeb

/// The services of Martlet. This list is the one place that names them: the parts of `--only`, the gateway's upstreams and
/// routes, settings, help and the tests of all routes derive from it.
public enum MartletServices {
    public static let all: [any Service.Type] = [AccountsService.self, CatalogService.self]
}
