import Accounts
import Catalog
public import MartletWeb

/// The services of Martlet. Only this list names them. The parts of `--only`, the gateway's upstreams and routes, the
/// settings, the help and the tests of all routes derive from it.
public enum MartletServices {
    public static let all: [any Service.Type] = [
        AccountsService.self,
        CatalogService.self,
    ]
}
