import Testing

@testable import Gateway

/// `#expect` cannot capture values of a noncopyable type.
private func expect<Value: Equatable>(
    _ actual: Value, _ expected: Value, sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(actual == expected, sourceLocation: sourceLocation)
}

@Suite struct ClientStateMachineTests {
    @Test func keepsTheConnectionForTheNextRequest() {
        var machine = ClientStateMachine()
        expect(machine.bytesArrived(), true)
        expect(machine.bytesArrived(), false)
        machine.headCompleted(keepsAlive: true, hasBody: false)
        expect(machine.reading, .nothing)
        let persists = machine.responseStarted()
        #expect(persists)
        expect(machine.responseCompleted(hasUnreadInput: true), .nextRequest)
        expect(machine.isIdle, true)
        expect(machine.reading, .head)
    }

    @Test func closesWhenTheClientAskedForIt() {
        var machine = ClientStateMachine()
        machine.headCompleted(keepsAlive: false, hasBody: false)
        let persists = machine.responseStarted()
        #expect(!persists)
        expect(machine.responseCompleted(hasUnreadInput: false), .close)
    }

    @Test func lingersWhenTheClientStillSends() {
        var machine = ClientStateMachine()
        machine.headCompleted(keepsAlive: true, hasBody: true)
        let persists = machine.responseStarted()
        #expect(!persists)
        expect(machine.reading, .body)
        expect(machine.responseCompleted(hasUnreadInput: false), .linger)
        expect(machine.reading, .discarded)
    }

    @Test func persistsWhenTheBodyEndedBeforeTheResponse() {
        var machine = ClientStateMachine()
        machine.headCompleted(keepsAlive: true, hasBody: true)
        machine.requestBodyCompleted()
        let persists = machine.responseStarted()
        #expect(persists)
    }

    @Test func closesAfterACloseDelimitedResponse() {
        var machine = ClientStateMachine()
        machine.headCompleted(keepsAlive: true, hasBody: false)
        let persists = machine.responseStarted(delimited: false)
        #expect(!persists)
    }

    @Test func answersFailuresBeforeTheHeadAndCutsOffAfter() {
        var machine = ClientStateMachine()
        expect(machine.exchangeFailed(), .ignore)
        machine.headCompleted(keepsAlive: true, hasBody: false)
        expect(machine.exchangeFailed(), .answer)
        _ = machine.responseStarted()
        expect(machine.exchangeFailed(), .abort)
        expect(machine.isClosed, true)
    }

    @Test func drainingClosesAfterTheNextResponse() {
        var machine = ClientStateMachine()
        machine.drain()
        machine.headCompleted(keepsAlive: true, hasBody: false)
        let persists = machine.responseStarted()
        #expect(!persists)
    }

    @Test func knowsWhenAnExchangeWasCutOff() {
        var machine = ClientStateMachine()
        expect(machine.connectionClosed(), false)
        var second = ClientStateMachine()
        second.headCompleted(keepsAlive: true, hasBody: false)
        expect(second.connectionClosed(), true)
    }
}

@Suite struct UpstreamStateMachineTests {
    private func finish(_ machine: inout UpstreamStateMachine, reusable: Bool = true) -> UpstreamStateMachine.End {
        machine.requestCompleted()
        _ = machine.bytesArrived()
        _ = machine.headReceived(status: 200, reusable: reusable)
        return machine.responseCompleted(hasLeftover: false)
    }

    @Test func isReusedAfterACompleteExchange() {
        var machine = UpstreamStateMachine()
        machine.begin(mayRepeat: true)
        #expect(finish(&machine) == .reuse)
        expect(machine.isIdle, true)
    }

    @Test func isNotReusedAfterClose() {
        var closing = UpstreamStateMachine()
        closing.begin(mayRepeat: true)
        #expect(finish(&closing, reusable: false) == .close)
        var early = UpstreamStateMachine()
        early.begin(mayRepeat: true)
        _ = early.headReceived(status: 200, reusable: true)
        expect(early.responseCompleted(hasLeftover: false), .close)
        var leftover = UpstreamStateMachine()
        leftover.begin(mayRepeat: true)
        leftover.requestCompleted()
        _ = leftover.headReceived(status: 200, reusable: true)
        expect(leftover.responseCompleted(hasLeftover: true), .close)
    }

    @Test func retriesOnlyRepeatableRequestsOnReusedConnections() {
        func close(isReused: Bool, mayRepeat: Bool, sentBody: Bool, received: Bool) -> UpstreamStateMachine.Close {
            var machine = UpstreamStateMachine()
            if isReused {
                machine.begin(mayRepeat: true)
                _ = finish(&machine)
            }
            machine.begin(mayRepeat: mayRepeat)
            if sentBody { machine.bodySent() }
            if received { _ = machine.bytesArrived() }
            return machine.connectionClosed(isBodyWhole: false, isClean: true)
        }
        #expect(close(isReused: true, mayRepeat: true, sentBody: false, received: false) == .retry)
        #expect(close(isReused: false, mayRepeat: true, sentBody: false, received: false) == .failed)
        #expect(close(isReused: true, mayRepeat: false, sentBody: false, received: false) == .failed)
        #expect(close(isReused: true, mayRepeat: true, sentBody: true, received: false) == .failed)
        #expect(close(isReused: true, mayRepeat: true, sentBody: false, received: true) == .failed)
    }

    @Test func connectionEndEndsOrTruncatesTheResponse() {
        for (isWhole, isClean, expected) in [
            (true, true, UpstreamStateMachine.Close.complete), (false, true, .truncated), (true, false, .truncated),
        ] {
            var machine = UpstreamStateMachine()
            machine.begin(mayRepeat: true)
            _ = machine.headReceived(status: 200, reusable: false)
            expect(machine.connectionClosed(isBodyWhole: isWhole, isClean: isClean), expected)
        }
    }

    @Test func rejectsUnsolicitedBytesAndEndlessInterimResponses() {
        var machine = UpstreamStateMachine()
        expect(machine.bytesArrived(), .unsolicited)
        machine.begin(mayRepeat: true)
        let size = UpstreamStateMachine.maximumInterimBytes / 1000
        for _ in 0..<1000 { expect(machine.headReceived(status: 103, reusable: true, size: size), .interim) }
        expect(machine.headReceived(status: 103, reusable: true, size: 1000), .refused)
        var switching = UpstreamStateMachine()
        switching.begin(mayRepeat: true)
        expect(switching.headReceived(status: 101, reusable: true), .refused)
    }
}
