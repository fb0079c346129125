import Accounts
import @Name@
import Catalog
import MartletPlatform

@main enum Program {
    static func main() async {
        await Martlet.main("@program@", services: [AccountsService.self, CatalogService.self, @Name@Service.self])
    }
}
