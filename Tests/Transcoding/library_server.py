"""The gRPC server of library.proto. Its responses contain the request, so that tests can check what was received."""

import sys
import time
from concurrent import futures
from pathlib import Path

import grpc
from google.protobuf import empty_pb2

sys.path.insert(0, sys.argv[2])
import library_pb2 as pb  # noqa: E402
import library_pb2_grpc as rpc  # noqa: E402

STATUS = {code.value[0]: code for code in grpc.StatusCode}


class Library(rpc.LibraryServicer):
    progress = pb.Tick()

    def GetShelf(self, request, context):
        if request.name == "shelves/nowhere":
            context.abort(grpc.StatusCode.NOT_FOUND, "no such shelf: ünknown\n")
        context.send_initial_metadata((("x-shelf", "wood"),))
        return pb.Shelf(name=request.name, theme="history")

    def ListBooks(self, request, context):
        books = [pb.Book(name=f"{request.parent}/books/{n}", title=f"Book {n}") for n in range(request.page_size)]
        return pb.ListBooksResponse(books=books, next_page_token="next", request=request)

    def CreateBook(self, request, context):
        book = request.book
        book.name = f"{request.parent}/books/{request.request_id or 'new'}"
        return book

    def UpdateBook(self, request, context):
        if request.HasField("update_mask"):
            request.book.authors.extend(request.update_mask.paths)
        return request.book

    def DeleteBook(self, request, context):
        if request.name.endswith("/gone"):
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "it is gone")
        return empty_pb2.Empty()

    def ArchiveBook(self, request, context):
        return pb.Book(name=request.name, title=request.reason)

    def ReadFile(self, request, context):
        return request

    def Echo(self, request, context):
        return request

    def Fail(self, request, context):
        if request.code == 0:
            return empty_pb2.Empty()
        context.abort(STATUS[request.code], request.message)

    def Watch(self, request, context):
        progress = Library.progress = pb.Tick()
        context.add_callback(lambda: setattr(progress, "text", "over" if progress.number + 1 >= request.count else "cancelled"))
        for number in range(request.count):
            progress.number = number
            yield pb.Tick(number=number, text="x" * request.size)
        if request.code:
            context.abort(STATUS[request.code], request.message)

    def Drip(self, request, context):
        for number in range(request.count):
            yield pb.Tick(number=number)
            # The pieces come one after the other, which is what a stream is for.
            time.sleep(0.25)

    def Progress(self, request, context):
        return Library.progress

    def Wait(self, request, context):
        # As long as it is asked to.
        time.sleep(request.seconds)
        return empty_pb2.Empty()

    def Metadata(self, request, context):
        metadata = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
        return pb.MetadataResponse(metadata=metadata, seconds_left=context.time_remaining() or 0)


class Titles(rpc.TitlesServicer):
    def GetTitle(self, request, context):
        return pb.Book(name=request.name, title="Don Quixote")

    def ListTitles(self, request, context):
        return pb.ListBooksResponse(books=[pb.Book(title=f"Book {n}") for n in range(request.page_size)])


server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
rpc.add_LibraryServicer_to_server(Library(), server)
rpc.add_TitlesServicer_to_server(Titles(), server)
server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
server.start()
server.wait_for_termination()
