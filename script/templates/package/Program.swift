import @Name@
import MartletPlatform
import MartletServices

@main enum Program {
    static func main() async {
        await Martlet.main("@program@", services: MartletServices.all + [@Name@Service.self])
    }
}
