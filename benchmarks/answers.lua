-- What follows the lists `requests` and `percentiles`, and the number `pause`, that benchmarks/load.py writes: sends them in turn,
-- each connection after so many milliseconds, counts what comes back, keeps every 509th body, and prints all of it in lines
-- `figure NAME VALUE`. A prime, so that all requests have their turn at being kept.
local threads = {}
local turn = 0

function setup(thread)
  table.insert(threads, thread)
end

function init(arguments)
  good, bad, kept, bodies = 0, 0, 0, ""
end

if pause > 0 then
  function delay() return pause end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

local function hex(text)
  return (text:gsub(".", function(byte) return string.format("%02x", byte:byte()) end))
end

function response(status, headers, body)
  if status == 200 then good = good + 1 else bad = bad + 1 end
  if kept < 40 and (good + bad) % 509 == 1 then
    kept = kept + 1
    bodies = bodies .. hex(body) .. ","
  end
end

function done(summary, latency, rate)
  local answered, refused = 0, 0
  for _, thread in ipairs(threads) do
    answered = answered + thread:get("good")
    refused = refused + thread:get("bad")
    print("figure bodies " .. thread:get("bodies"))
  end
  print("figure good " .. answered)
  print("figure not_200 " .. refused)
  print("figure microseconds " .. summary.duration)
  for _, percentile in ipairs(percentiles) do
    print("figure latency_us " .. latency:percentile(percentile))
  end
  for _, name in ipairs({ "connect", "read", "write", "timeout", "status" }) do
    print("figure error_" .. name .. " " .. summary.errors[name])
  end
end
