import CatalogImport
import MartletPlatform
import MartletServices

@main enum Program {
    static func main() async {
        await Martlet.main(services: MartletServices.all, commands: [Import.self])
    }
}
