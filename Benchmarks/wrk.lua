-- Asks for the products 1 to 1000 in turn where the path has {id}, and prints what was measured as JSON.
function init()
  requests = {}
  for id = 1, 1000 do
    requests[id] = wrk.format("GET", (wrk.path:gsub("{id}", id)))
  end
  sent = 0
end

function request()
  sent = sent % 1000 + 1
  return requests[sent]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"requests": %d, "microseconds": %d, "errors": %d, "p50": %d, "p99": %d}\n',
    summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
